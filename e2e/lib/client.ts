// A daemon over plain HTTP, as any program would speak to it. A refusal is an answer like any other here.

import type { ErrorBody } from '@nullspace/contract/errors.ts'
import type { ExecResult } from '@nullspace/contract/commands.ts'
import type { MachineInfo } from '@nullspace/contract/machines.ts'
import type { SnapshotInfo } from '@nullspace/contract/snapshots.ts'

export interface Answer<T> {
  readonly status: number
  readonly body: T
}

/** What a call may give: the value it promises, or a refusal. Tests check the status and read either. */
export type Reply<T> = Answer<T & Partial<ErrorBody>>

export interface ExecInput {
  readonly command: string
  readonly args?: readonly string[]
  readonly shell?: boolean
  readonly cwd?: string
  readonly envs?: Readonly<Record<string, string>>
  readonly timeout_secs?: number
}

/** In place of a status: the daemon had promised success to keep the caller waiting, and then had to break off. */
export const CUT = 0

export class Client {
  readonly url: string
  readonly key: string

  constructor({ url, key }: { url: string; key: string }) {
    this.url = url
    this.key = key
  }

  async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply<T>> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    // No body at all is one without fields.
    if (response.status === 204) return { status: 204, body: {} as T & Partial<ErrorBody> }
    try {
      return { status: response.status, body: (await response.json()) as T & Partial<ErrorBody> }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      return { status: CUT, body: {} as T & Partial<ErrorBody> }
    }
  }

  create(body: Readonly<Record<string, unknown>> = {}, idempotencyKey?: string): Promise<Reply<MachineInfo>> {
    return this.call('POST', '/v1/machines', body, idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey })
  }
  get(id: string): Promise<Reply<MachineInfo>> {
    return this.call('GET', `/v1/machines/${id}`)
  }
  async list(): Promise<MachineInfo[]> {
    return (await this.call<MachineInfo[]>('GET', '/v1/machines')).body
  }
  exec(id: string, input: ExecInput): Promise<Reply<ExecResult>> {
    return this.call('POST', `/v1/machines/${id}/exec`, input)
  }
  destroy(id: string): Promise<Reply<{ id: string; status: string }>> {
    return this.call('DELETE', `/v1/machines/${id}`)
  }
  pause(id: string): Promise<Reply<SnapshotInfo>> {
    return this.call('POST', `/v1/machines/${id}/hibernate`)
  }
  resume(id: string): Promise<Reply<MachineInfo>> {
    return this.call('POST', `/v1/machines/${id}/resume`)
  }
  fork(id: string, count: number, idempotencyKey?: string): Promise<Reply<{ items: MachineInfo[] }>> {
    const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
    return this.call('POST', `/v1/machines/${id}/forks`, { count }, headers)
  }
  snapshot(id: string): Promise<Reply<SnapshotInfo>> {
    return this.call('POST', `/v1/machines/${id}/snapshots`)
  }
  async snapshots(): Promise<SnapshotInfo[]> {
    return (await this.call<SnapshotInfo[]>('GET', '/v1/snapshots')).body
  }
  deleteSnapshot(id: string): Promise<Reply<Record<string, never>>> {
    return this.call('DELETE', `/v1/snapshots/${id}`)
  }
  async health(): Promise<number> {
    return (await fetch(`${this.url}/healthz`)).status
  }
}
