// Processes that the fake guest keeps: their output stays, and streams come and go. It has no flow control; what is
// printed is kept whole.

import * as message from '@nullspace/guest-protocol/messages.ts'
import type { ExecStream } from './fake-exec.ts'

type Send = (kind: number, payload: Uint8Array) => void

interface Kept {
  readonly entry: Omit<message.ProcessEntry, 'running' | 'exitCode' | 'terminal'>
  terminal: message.TerminalSize | null
  readonly printed: { readonly kind: number; readonly payload: Uint8Array }[]
  exit: message.ExitMessage | null
  stream: ExecStream | null
  readonly viewers: Map<number, { readonly mode: message.AttachMode; readonly send: Send }>
}

const RUNNING: message.ExitMessage = { exitCode: 0, signal: 0, timedOut: false, droppedStdout: 0n, droppedStderr: 0n }

export class KeptProcesses {
  readonly #all = new Map<number, Kept>()

  /** Where a new process is to say what it says; its `kept` part is there. */
  begin(start: message.ExecStartMessage, stream: number, send: Send): { say: Send; started(exec: ExecStream): void } {
    const { terminal, id, label } = start.kept ?? { terminal: null, id: '', label: '' }
    let kept: Kept | undefined
    const say: Send = (kind, payload) => {
      if (kind === message.ExecStarted.kind) {
        const { pid } = message.ExecStarted.decode(payload)
        kept = {
          entry: { pid, id, label },
          terminal,
          printed: [],
          exit: null,
          stream: null,
          viewers: new Map([[stream, { mode: 'follow', send }]]),
        }
        this.#all.set(pid, kept)
        send(kind, payload)
      } else if (!kept) send(kind, payload)
      else if (kind === message.Exit.kind) {
        kept.exit = message.Exit.decode(payload)
        for (const viewer of kept.viewers.values()) viewer.send(kind, payload)
        kept.viewers.clear()
      } else {
        kept.printed.push({ kind, payload })
        for (const viewer of kept.viewers.values()) if (viewer.mode === 'follow') viewer.send(kind, payload)
      }
    }
    return {
      say,
      started: (exec) => {
        if (kept) kept.stream = exec
      },
    }
  }

  list(): Uint8Array {
    const processes = [...this.#all.values()].map(({ entry, terminal, exit }) => ({
      ...entry,
      terminal,
      running: exit === null,
      exitCode: exit?.exitCode ?? 0,
    }))
    return message.ProcessList.encode({ processes })
  }

  attach(payload: Uint8Array, stream: number, send: Send): void {
    const { pid, mode } = message.Attach.decode(payload)
    const kept = this.#all.get(pid)
    if (!kept) return send(message.Failed.kind, message.Failed.encode({ reason: 'no_process', message: 'no such process' }))
    send(message.ExecStarted.kind, message.ExecStarted.encode({ pid }))
    if (mode !== 'wait') for (const { kind, payload: bytes } of kept.printed) send(kind, bytes)
    if (mode === 'logs') send(message.Logged.kind, message.Logged.encode({ running: kept.exit === null, exit: kept.exit ?? RUNNING }))
    else if (kept.exit) send(message.Exit.kind, message.Exit.encode(kept.exit))
    else kept.viewers.set(stream, { mode, send })
  }

  /** The running process that a stream belongs to. */
  of(stream: number): ExecStream | null {
    return this.#with(stream)?.stream ?? null
  }

  detach(stream: number): void {
    this.#with(stream)?.viewers.delete(stream)
  }

  resize(stream: number, size: message.TerminalSize): void {
    const kept = this.#with(stream)
    if (kept?.terminal) kept.terminal = size
  }

  /** Another host: the streams of the one before are gone. */
  forget(): void {
    for (const { viewers } of this.#all.values()) viewers.clear()
  }

  /** The agent that knew them is gone. */
  clear(): void {
    this.#all.clear()
  }

  #with(stream: number): Kept | undefined {
    return [...this.#all.values()].find(({ viewers }) => viewers.has(stream))
  }
}
