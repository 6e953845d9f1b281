// The real terminal and process as an Io.

import { homedir } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { pause } from '../daemon/pause.ts'
import { Interrupted, type Io, type Output } from './io.ts'

export function terminal(): Io {
  const stop = new AbortController()
  // Only the first one: a second ends the process at once.
  process.once('SIGINT', () => stop.abort(new Interrupted(2)))
  process.once('SIGTERM', () => stop.abort(new Interrupted(15)))
  return {
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    uid: process.geteuid?.() ?? -1,
    signal: stop.signal,
    canAsk: process.stdin.isTTY && process.stderr.isTTY,
    ask,
    async readInput() {
      const chunks: Uint8Array[] = []
      for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array)
      return Buffer.concat(chunks).toString()
    },
    now: Date.now,
    pause: (ms) => pause(ms, stop.signal),
  }
}

function output(stream: NodeJS.WriteStream): Output {
  // A reader that has seen enough (`| head`) is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    isTTY: stream.isTTY,
    get columns() {
      return stream.columns
    },
    get rows() {
      return stream.rows
    },
    write: (text) => void stream.write(text),
  }
}

async function ask(question: string, { secret = false }: { readonly secret?: boolean } = {}): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  process.stderr.write(question)
  const lines = createInterface({ input: process.stdin, output: secret ? silent : process.stderr, terminal: true })
  try {
    return await lines.question('')
  } finally {
    lines.close()
    if (secret) process.stderr.write('\n')
  }
}
