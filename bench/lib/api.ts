// The API as a plain HTTP client sees it: one keep-alive agent, JSON in and out, nothing in between that would cost time.

import { Agent, request } from 'node:http'
import { type MetricValues, parseMetrics } from './metrics.ts'

export interface ExecAnswer {
  readonly exit_code: number
  readonly stdout: string
  readonly stderr: string
}

export interface SnapshotAnswer {
  readonly id: string
  readonly size_bytes: number
}

export interface HostStatus {
  readonly accelerator: string
  readonly shapes: readonly { readonly vcpus: number; readonly memory_mb: number; readonly state: string; readonly detail?: string }[]
}

/** Longer than any run: a machine is to end when we say so. */
export const LASTING = { timeout_ms: 6 * 3_600_000 } as const

/** Without a slash: the agent looks it up and starts no process. */
export const NO_PROGRAM = 'no-such-program'

export interface Body {
  readonly type: string
  readonly bytes: Buffer
}

const fileAt = (id: string, path: string): string => `/v1/machines/${id}/file?path=${encodeURIComponent(path)}`

export class Api {
  readonly #base: string
  readonly #key: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 128 })

  constructor(base: string, key: string) {
    this.#base = base
    this.#key = key
  }

  /** With what is left out as the daemon has it. */
  async createMachine(wanted: object = {}): Promise<string> {
    return (await this.call<{ id: string }>('POST', '/v1/machines', wanted)).id
  }
  async fork(id: string): Promise<string> {
    return (await this.call<{ id: string }>('POST', `/v1/machines/${id}/fork`)).id
  }
  async forkMany(id: string, count: number): Promise<string[]> {
    const { items } = await this.call<{ items: { id: string }[] }>('POST', `/v1/machines/${id}/forks`, { count })
    return items.map((child) => child.id)
  }
  pause(id: string): Promise<SnapshotAnswer> {
    return this.call('POST', `/v1/machines/${id}/hibernate`)
  }
  resume(id: string): Promise<unknown> {
    return this.call('POST', `/v1/machines/${id}/resume`)
  }
  createSnapshot(id: string): Promise<SnapshotAnswer> {
    return this.call('POST', `/v1/machines/${id}/snapshots`)
  }
  deleteSnapshot(id: string): Promise<unknown> {
    return this.call('DELETE', `/v1/snapshots/${id}`)
  }
  async metrics(): Promise<MetricValues> {
    return parseMetrics(String(await this.#send('GET', '/metrics')))
  }
  async listMachines(): Promise<string[]> {
    return (await this.call<{ id: string }[]>('GET', '/v1/machines')).map(({ id }) => id)
  }
  destroyMachine(id: string): Promise<unknown> {
    return this.call('DELETE', `/v1/machines/${id}`)
  }
  status(): Promise<HostStatus> {
    return this.call('GET', '/v1/host/status')
  }

  /** `sh -c true`; rejects unless it ended with 0. */
  async execTrue(id: string): Promise<void> {
    await this.exec(id, { command: 'true', shell: true })
  }

  /** What it printed; rejects unless it ended with 0. */
  async exec(id: string, body: { command: string; args?: readonly string[]; shell?: boolean; timeout_secs?: number }): Promise<string> {
    const { exit_code, stdout, stderr } = await this.call<ExecAnswer>('POST', `/v1/machines/${id}/exec`, body)
    if (exit_code !== 0) throw new Error(`${body.command} ended with ${exit_code}: ${stderr.trim().slice(-300)}`)
    return stdout
  }

  /** The whole way of a command but for its process. */
  async execNothing(id: string): Promise<void> {
    const answer = await this.call('POST', `/v1/machines/${id}/exec`, { command: NO_PROGRAM }).catch((error: unknown) => error)
    if (!(answer instanceof Error && answer.message.includes('exec_failed')))
      throw new Error(`${NO_PROGRAM} should not be there`, { cause: answer })
  }

  async upload(id: string, path: string, bytes: Buffer): Promise<void> {
    await this.#send('PUT', fileAt(id, path), { type: 'application/octet-stream', bytes })
  }
  download(id: string, path: string): Promise<Buffer> {
    return this.#send('GET', fileAt(id, path))
  }
  /** Of a directory, with all that is in it. */
  downloadTar(id: string, path: string): Promise<Buffer> {
    return this.#send('GET', `${fileAt(id, path)}&archive=tar`)
  }
  /** Many files in one request; rejects unless all were written. */
  async writeMany(id: string, form: Body): Promise<void> {
    const answer = await this.#send('POST', `/v1/machines/${id}/files/batch-write`, form)
    const { results } = JSON.parse(answer.toString()) as { results: { status: string; path: string; error?: string }[] }
    const bad = results.find(({ status }) => status !== 'success')
    if (bad) throw new Error(`${bad.path}: ${bad.error}`)
  }

  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const sent = body === undefined ? undefined : { type: 'application/json', bytes: Buffer.from(JSON.stringify(body)) }
    const said = (await this.#send(method, path, sent)).toString()
    return (said === '' ? undefined : JSON.parse(said)) as T
  }

  #send(method: string, path: string, body?: Body): Promise<Buffer> {
    const headers = {
      authorization: `Bearer ${this.#key}`,
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length }),
    }
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#base}${path}`, { method, headers, agent: this.#agent }, (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const said = Buffer.concat(parts)
          if ((answer.statusCode ?? 0) < 300) resolve(said)
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${said.toString('utf8', 0, 300)}`))
        })
      })
      sent.on('error', reject)
      sent.end(body?.bytes)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
