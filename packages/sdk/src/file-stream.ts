// The bytes of a file as a stream: nothing is sent before it is read, and at most one piece is held.

import { downloadFile } from '@nullspace/contract/files.ts'
import type { CallOptions, Client } from './client.ts'
import { MachineError } from './errors.ts'

/** Bytes of a file: from `offset` on, `length` of them or all; or the `last` so many. */
export type FileRange = { readonly offset: number; readonly length?: number | undefined } | { readonly last: number }

export interface ReadStreamOptions extends CallOptions {
  readonly user?: string | undefined
  readonly range?: FileRange | undefined
}

const PARTIAL = 206

export function readStream(client: Client, machineId: string, path: string, options: ReadStreamOptions): ReadableStream<Uint8Array> {
  let bytes: AsyncIterator<Uint8Array> | undefined
  const headers = options.range === undefined ? {} : { range: headerOf(options.range) }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        bytes ??= await open(client, machineId, path, options, headers)
        const { done, value } = await bytes.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await bytes?.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

async function open(
  client: Client,
  machineId: string,
  path: string,
  { user, range, ...options }: ReadStreamOptions,
  headers: Readonly<Record<string, string>>,
): Promise<AsyncIterator<Uint8Array>> {
  const query = { path, ...(user === undefined ? {} : { user }) }
  const answer = await client.receive(downloadFile, { params: { id: machineId }, query }, options, headers)
  // Of an empty file the last bytes are all of it.
  if (range === undefined || answer.status === PARTIAL || answer.length === 0) return answer.bytes[Symbol.asyncIterator]()
  await answer.cancel()
  throw new MachineError(`the answer to ${downloadFile.id} is the whole file and not the range`, { code: 'invalid_response' })
}

/** @throws MachineError `invalid_request` */
function headerOf(range: FileRange): string {
  const whole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least
  if ('last' in range) {
    if (whole(range.last, 1)) return `bytes=-${range.last}`
  } else if (whole(range.offset, 0) && (range.length === undefined || whole(range.length, 1))) {
    return `bytes=${range.offset}-${range.length === undefined ? '' : range.offset + range.length - 1}`
  }
  throw new MachineError(`${JSON.stringify(range)} is no range of bytes`, { code: 'invalid_request', retryable: false })
}
