// The real terminal and process as an Io.

import { homedir } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { pause } from '../daemon/pause.ts'
import { Interrupted, type Io, type Output } from './io.ts'
import { terminalInput } from './terminal-input.ts'

const SIGPIPE = 13

export function terminal(): Io {
  const stop = new AbortController()
  const handlers: ((signalNumber: number) => void)[] = []
  listen('SIGINT', 2)
  listen('SIGTERM', 15)
  function listen(name: NodeJS.Signals, number: number): void {
    const onSignal = (): void => {
      const handler = handlers.at(-1)
      if (handler) return handler(number)
      // Only the first one: a second ends the process at once.
      process.off(name, onSignal)
      stop.abort(new Interrupted(number))
    }
    process.on(name, onSignal)
  }
  return {
    stdin: terminalInput(),
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    uid: process.geteuid?.() ?? -1,
    signal: stop.signal,
    takeSignals(handler) {
      handlers.push(handler)
      return { [Symbol.dispose]: () => void handlers.splice(handlers.lastIndexOf(handler), 1) }
    },
    onResize(listener) {
      process.stdout.on('resize', listener)
      return { [Symbol.dispose]: () => void process.stdout.off('resize', listener) }
    },
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
  let gone = false
  let wake = (): void => {}
  stream.on('drain', () => wake())
  // A reader that has seen enough (`| head`) is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    gone = true
    wake()
  })
  return {
    isTTY: stream.isTTY,
    get columns() {
      return stream.columns
    },
    get rows() {
      return stream.rows
    },
    write: (data) => void stream.write(data),
    async drained() {
      while (stream.writableNeedDrain && !gone) await new Promise<void>((resolve) => (wake = resolve))
      if (gone) throw new Interrupted(SIGPIPE)
    },
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
