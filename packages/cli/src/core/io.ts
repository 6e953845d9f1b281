// What a command may know of the terminal and the process around it. Passed in, so that tests run commands without either.

export interface Output {
  readonly isTTY: boolean
  /** Of a terminal, as it is now. */
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  write(data: string | Uint8Array): void
  /** Resolves when more may be written. @throws Interrupted when nobody reads it any more */
  drained(): Promise<void>
}

export interface Input {
  readonly isTTY: boolean
  /** Bytes as they come, to their end or until `stop` is aborted. One reader at a time. @throws CliError when they cannot be read */
  chunks(stop: AbortSignal): AsyncIterable<Uint8Array>
  /** Of a terminal: every key as it is pressed, Ctrl-C among them, until it is disposed of. */
  raw(): Disposable
}

export interface Io {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly home: string
  /** Effective user id; 0 is root. */
  readonly uid: number
  /** Aborted by Ctrl-C and SIGTERM; the reason is an `Interrupted`. */
  readonly signal: AbortSignal
  /** Until it is disposed of, Ctrl-C and SIGTERM (as 2 and 15) go to `handler`, and do not abort `signal`. */
  takeSignals(handler: (signalNumber: number) => void): Disposable
  /** Calls `listener` whenever the terminal has got another size, until it is disposed of. */
  onResize(listener: () => void): Disposable
  /** Whether somebody is there to answer `ask`. */
  readonly canAsk: boolean
  /** One line from the terminal; not shown while typed when `secret`. */
  ask(question: string, options?: { readonly secret?: boolean }): Promise<string>
  /** All of standard input. */
  readInput(): Promise<string>
  /** ms since 1970. */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason. */
  pause(ms: number): Promise<void>
}

export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(signalNumber: number) {
    super('interrupted')
    this.exitCode = 128 + signalNumber
  }
}
