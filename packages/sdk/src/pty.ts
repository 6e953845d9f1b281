// Terminals of a machine.

import {
  getPtySession,
  killPtySession,
  listPtySessions,
  PtySessionInfo as WireSessionInfo,
  resizePtySession,
  type PtyFrame,
} from '@nullspace/contract/terminals.ts'
import type { CallOptions, Client } from './client.ts'
import { fromWire, type Camel } from './naming.ts'
import { PtySession, type PtySize } from './pty-session.ts'
import { beginOnce, workId, type Work } from './work-channel.ts'

type ForOneCall = Omit<CallOptions, 'idempotencyKey'>

export type PtySessionInfo = Camel<WireSessionInfo>

export interface CreatePtyOptions extends Partial<PtySize> {
  /** Absolute directory inside the machine; default: the machine's own. */
  readonly cwd?: string | undefined
  /** On top of the machine's; `TERM` is `xterm-256color` unless it is here. */
  readonly envs?: Readonly<Record<string, string>> | undefined
  /** Name or number of a user of the machine; default root. */
  readonly user?: string | undefined
  /** Program to run; default: the user's own shell. */
  readonly shell?: string | undefined
  /** Ends the connection, not the terminal. */
  readonly signal?: AbortSignal | undefined
}

/** Named by one of the two. */
export type WhichPty = { readonly sessionId: string; readonly pid?: undefined } | { readonly pid: number; readonly sessionId?: undefined }

const DEFAULT_SIZE = { cols: 80, rows: 24 }

export class Pty {
  readonly #client: Client
  readonly #machineId: string

  constructor(client: Client, machineId: string) {
    this.#client = client
    this.#machineId = machineId
  }

  /** A new terminal, 80 by 24 unless told. It goes on without its connection. @throws MachineError `exec_failed` when the shell cannot be started, ... */
  create({
    cols = DEFAULT_SIZE.cols,
    rows = DEFAULT_SIZE.rows,
    cwd,
    envs,
    user,
    shell,
    signal,
  }: CreatePtyOptions = {}): Promise<PtySession> {
    return this.#begin(signal, {
      type: 'pty_start',
      id: workId('pty'),
      cols,
      rows,
      ...(cwd === undefined ? {} : { cwd }),
      ...(envs === undefined ? {} : { envs: { ...envs } }),
      ...(user === undefined ? {} : { user }),
      ...(shell === undefined ? {} : { shell }),
    })
  }

  /** One that runs; what it showed last comes first. @throws NotFoundError `session_not_found` */
  connect(which: WhichPty, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<PtySession> {
    const name = which.sessionId === undefined ? { pid: which.pid } : { session_id: which.sessionId }
    return this.#begin(signal, { type: 'pty_connect', id: workId('pty'), ...name })
  }

  /** Those that run, in the order of their start. */
  async list(options: ForOneCall = {}): Promise<PtySessionInfo[]> {
    const all = await this.#client.call(listPtySessions, { params: { id: this.#machineId } }, options)
    return all.map((one) => fromWire(WireSessionInfo, one))
  }

  /** @throws NotFoundError `session_not_found`, also when it has ended */
  async get(sessionId: string, options: ForOneCall = {}): Promise<PtySessionInfo> {
    return fromWire(WireSessionInfo, await this.#client.call(getPtySession, { params: this.#params(sessionId) }, options))
  }

  /** Size in characters. @throws NotFoundError `session_not_found` */
  async resize(sessionId: string, { cols, rows }: PtySize, options: ForOneCall = {}): Promise<void> {
    await this.#client.call(resizePtySession, { params: this.#params(sessionId), body: { cols, rows } }, options)
  }

  /** Ends it and what runs in it; resolves when it is gone. @throws NotFoundError `session_not_found`, also when it has ended */
  async kill(sessionId: string, options: ForOneCall = {}): Promise<void> {
    await this.#client.call(killPtySession, { params: this.#params(sessionId) }, options)
  }

  #params(sessionId: string): { id: string; sid: string } {
    return { id: this.#machineId, sid: sessionId }
  }

  async #begin(signal: AbortSignal | undefined, frame: PtyFrame): Promise<PtySession> {
    const work: Work = { client: this.#client, machineId: this.#machineId, signal }
    return new PtySession(await beginOnce(work, 'pty', [frame]), frame.id, (id) => this.kill(id))
  }
}
