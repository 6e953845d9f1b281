// A command that runs: what it prints, what it is given, its end. It goes on without its handle.

import type { CallOptions } from './client.ts'
import type { CommandResult } from './commands.ts'
import { MachineError } from './errors.ts'
import { KeptOutput } from './kept-output.ts'
import { pipeInput, type PipedInput } from './piped-input.ts'
import { endStdin, signalProcess, writeStdin } from './process-control.ts'
import { atBeginning, followProcess, type OutputChunk, type ProcessEnd } from './process-output.ts'
import { disconnected, orAborted, Reading } from './reading.ts'
import type { Begun, Work } from './work-channel.ts'

type ForOneCall = Omit<CallOptions, 'idempotencyKey'>

/**
 * Called in the order of the output, with `data` and `bytes` of a chunk (see there). While a promise that it answers is pending nothing
 * more is read, and the command waits for it.
 */
export type OutputListener = (text: string, bytes: Uint8Array) => unknown

export interface Listeners {
  readonly onStdout?: OutputListener | undefined
  readonly onStderr?: OutputListener | undefined
}

export interface PipeStdinOptions {
  /** End its standard input behind that. Default true. */
  readonly close?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * ```ts
 * await using server = await machine.commands.start('python3', ['-m', 'http.server'])
 * for await (const { stream, data } of server) console.log(stream, data)
 * ```
 * A loop hears everything from the beginning; one that is left can be followed by another, which goes on there. What is read too
 * slowly makes the command wait; while nobody reads it runs freely, and of what it prints then the first 1 MiB is kept for whoever
 * reads later. A connection that is lost is opened again: nothing comes twice, and nothing is left out but what was printed
 * meanwhile past that 1 MiB (counted in the result).
 */
export class CommandHandle implements AsyncIterable<OutputChunk>, AsyncDisposable {
  readonly pid: number
  readonly #work: Work
  readonly #place = atBeginning()
  readonly #kept = { stdout: new KeptOutput(), stderr: new KeptOutput() }
  readonly #reading: Reading<OutputChunk, ProcessEnd>
  /** Of a handle with listeners: settles when they have heard the end. */
  readonly #heard: Promise<ProcessEnd> | undefined
  #input: Promise<void> = Promise.resolve()
  #opened: Begun | undefined
  #source: AsyncGenerator<OutputChunk, ProcessEnd | undefined, undefined> | undefined
  #stop = new AbortController()
  #end: ProcessEnd | undefined

  /** `opened` is a connection to it that nobody has read from. */
  constructor(work: Work, pid: number, listeners: Listeners, opened?: Begun) {
    this.#work = work
    this.pid = pid
    this.#reading = new Reading({ pull: () => this.#pull(), left: () => this.#leave() })
    this.#opened = opened
    if (listeners.onStdout || listeners.onStderr) {
      this.#heard = this.#tell(listeners)
      // It is told to whoever waits.
      this.#heard.catch(() => {})
    } else if (opened) {
      // Nobody reads yet, and a connection that is not read would hold the command up.
      opened.channel.close()
      this.#opened = undefined
    }
  }

  /** What it prints, as it comes. @throws MachineError as `wait`, and `invalid_request` when it is read already */
  [Symbol.asyncIterator](): AsyncIterator<OutputChunk, undefined> {
    if (this.#heard) throw new MachineError('the output goes to listeners', { code: 'invalid_request', retryable: false })
    return this.#reading.loop()
  }

  /**
   * Resolves when it has ended. Of each stream the result has the first 2 MiB. Takes the output away, but for a loop that is under
   * way: then it waits for that.
   * @throws MachineError `exec_timeout` when its time was up, `machine_failed` when the machine was paused or lost its processes,
   * `disconnected` after `disconnect`; NotFoundError when the machine is gone; what a listener threw
   */
  async wait({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<CommandResult> {
    const { exitCode, lost } = await (this.#heard ? orAborted(this.#heard, signal) : this.#reading.drain(signal))
    const { stdout, stderr } = this.#kept
    const stdoutDroppedBytes = stdout.droppedBytes + lost.stdout
    const stderrDroppedBytes = stderr.droppedBytes + lost.stderr
    return {
      exitCode,
      stdout: stdout.text,
      stderr: stderr.text,
      pid: this.pid,
      ...(stdoutDroppedBytes > 0 ? { stdoutDroppedBytes } : {}),
      ...(stderrDroppedBytes > 0 ? { stderrDroppedBytes } : {}),
    }
  }

  /** Bytes of both streams that this handle was never told: printed while it was not connected, and not kept. Known at the end. */
  get lostBytes(): number {
    return this.#end ? this.#end.lost.stdout + this.#end.lost.stderr : 0
  }

  /**
   * Writes to its standard input; resolves when the machine has taken it. One call after the other. For input that may be more than
   * 4 MiB ahead of what the command reads there is `pipeStdin`.
   */
  sendStdin(data: string | Uint8Array, options: ForOneCall = {}): Promise<void> {
    return this.#inTurn(() => writeStdin(this.#work, this.pid, data, options))
  }

  /**
   * Writes all of `source`, no faster than the command reads it, and ends its standard input behind that. Resolves when the machine has
   * taken it all, or the command has ended before. @throws TransportError when the connection was lost, so that nobody knows what was
   * taken; what `source` threw, the signal's reason
   */
  pipeStdin(source: AsyncIterable<Uint8Array>, { close = true, signal }: PipeStdinOptions = {}): Promise<PipedInput> {
    return this.#inTurn(() => pipeInput({ ...this.#work, signal: signal ?? this.#work.signal, pid: this.pid }, source, close))
  }

  /** Ends its standard input, behind what was sent. */
  closeStdin(): Promise<void> {
    return this.#inTurn(() => endStdin(this.#work, this.pid))
  }

  /** To its whole process group. Without a signal it is SIGKILL, and resolves when it is gone; after its end it does nothing. */
  kill(signal?: number | string, options: ForOneCall = {}): Promise<void> {
    return signalProcess(this.#work, this.pid, signal, options)
  }

  /** Hears no more; the command goes on. Loops end, `wait` rejects with `disconnected`; without listeners both can be called anew. */
  disconnect(): void {
    this.#reading.halt()
    this.#leave()
  }

  /** Ends the command. Errors of this library are ignored. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect()
    try {
      if (!this.#end) await this.kill()
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
    }
  }

  async #tell({ onStdout, onStderr }: Listeners): Promise<ProcessEnd> {
    try {
      for (;;) {
        const { done, value } = await this.#pull()
        if (done === true) return value
        await (value.stream === 'stdout' ? onStdout : onStderr)?.(value.data, value.bytes)
      }
    } finally {
      this.#leave()
    }
  }

  async #pull(): Promise<IteratorResult<OutputChunk, ProcessEnd>> {
    if (this.#end) return { done: true, value: this.#end }
    const source = (this.#source ??= this.#follow())
    try {
      const { done, value } = await source.next()
      if (done !== true) {
        this.#kept[value.stream].add(value)
        return { done: false, value }
      }
      // It was left meanwhile.
      if (value === undefined) throw disconnected()
      this.#end = value
      return { done: true, value }
    } catch (error) {
      // A generator that has failed gives nothing more; whoever reads again begins a new one.
      if (this.#source === source) this.#source = undefined
      throw error
    }
  }

  #follow(): AsyncGenerator<OutputChunk, ProcessEnd | undefined, undefined> {
    const own = this.#work.signal
    const signal = own ? AbortSignal.any([own, this.#stop.signal]) : this.#stop.signal
    const opened = this.#opened
    this.#opened = undefined
    return followProcess({ ...this.#work, signal, pid: this.pid }, this.#place, opened)
  }

  #leave(): void {
    this.#stop.abort(disconnected())
    this.#stop = new AbortController()
    void this.#source?.return(undefined).catch(() => {})
    this.#source = undefined
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#input.then(step)
    this.#input = done.then(
      () => {},
      () => {},
    )
    return done
  }
}
