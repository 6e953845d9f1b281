// The beginning of what was heard, for the result of a command.

import { EXEC_LIMITS } from '@nullspace/contract/commands.ts'
import type { OutputChunk } from './process-output.ts'

/** As much of one stream as the API keeps: 2 MiB; the rest is counted. */
export class KeptOutput {
  readonly #parts: string[] = []
  #bytes = 0
  droppedBytes = 0

  add({ data, bytes }: OutputChunk): void {
    // Once something was left out, so is all that follows: a text with a hole would be taken for a whole one.
    if (this.droppedBytes === 0 && this.#bytes + bytes.length <= EXEC_LIMITS.outputBytes) {
      this.#parts.push(data)
      this.#bytes += bytes.length
    } else this.droppedBytes += bytes.length
  }

  get text(): string {
    return this.#parts.join('')
  }
}
