// The real standard input.

import { spawnSync } from 'node:child_process'
import type { Input } from './io.ts'
import { isSystemError, ofDisk } from './local-files.ts'

export function terminalInput(): Input {
  return { isTTY: process.stdin.isTTY === true, chunks, raw }
}

/** Holds one chunk, so that whoever writes waits for whoever reads; does not keep the process alive when it is left. */
async function* chunks(stop: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const { stdin } = process
  const waiting: Uint8Array[] = []
  let ended = stdin.readableEnded
  let failure: Error | null = stdin.errored
  let wake = (): void => {}
  const take = (chunk: Uint8Array): void => {
    stdin.pause()
    waiting.push(chunk)
    wake()
  }
  const end = (): void => {
    ended = true
    wake()
  }
  const fail = (error: Error): void => {
    failure = error
    wake()
  }
  const onStop = (): void => wake()
  stdin.on('data', take).on('end', end).on('error', fail)
  stop.addEventListener('abort', onStop)
  try {
    while (!stop.aborted) {
      const chunk = waiting.shift()
      if (chunk !== undefined) yield chunk
      else if (ended) return
      else if (failure) {
        // A terminal that has gone.
        if (stdin.isTTY && isSystemError(failure, 'EIO')) return
        throw ofDisk(failure)
      } else {
        stdin.resume()
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
  } finally {
    stop.removeEventListener('abort', onStop)
    stdin.off('data', take).off('end', end).off('error', fail)
    stdin.pause()
  }
}

function raw(): Disposable {
  const { stdin } = process
  stdin.setRawMode(true)
  // Node leaves the translation of newlines on, which would move the cursor where a full-screen program does not want it. The mode
  // that is restored is the one of before, with this.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
  const restore = (): void => {
    process.off('exit', restore)
    stdin.setRawMode(false)
  }
  // Also when the process ends without coming back here.
  process.on('exit', restore)
  return { [Symbol.dispose]: restore }
}
