// The API as a plain HTTP client sees it: one keep-alive agent, JSON in and out, nothing in between that would cost time.

import { Agent, request } from 'node:http'

export interface ExecAnswer {
  readonly exit_code: number
}

export interface HostStatus {
  readonly accelerator: string
  readonly shapes: readonly { readonly vcpus: number; readonly memory_mb: number; readonly state: string; readonly detail?: string }[]
}

/** Without a slash: the agent looks it up and starts no process. */
export const NO_PROGRAM = 'no-such-program'

export class Api {
  readonly #base: string
  readonly #key: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })

  constructor(base: string, key: string) {
    this.#base = base
    this.#key = key
  }

  async createMachine(): Promise<string> {
    return (await this.call<{ id: string }>('POST', '/v1/machines', {})).id
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
    const { exit_code } = await this.call<ExecAnswer>('POST', `/v1/machines/${id}/exec`, { command: 'true', shell: true })
    if (exit_code !== 0) throw new Error(`sh -c true ended with ${exit_code}`)
  }

  /** The whole way of a command but for its process. */
  async execNothing(id: string): Promise<void> {
    const answer = await this.call('POST', `/v1/machines/${id}/exec`, { command: NO_PROGRAM }).catch((error: unknown) => error)
    if (!(answer instanceof Error && answer.message.includes('exec_failed')))
      throw new Error(`${NO_PROGRAM} should not be there`, { cause: answer })
  }

  call<T>(method: string, path: string, body?: object): Promise<T> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      authorization: `Bearer ${this.#key}`,
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    }
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#base}${path}`, { method, headers, agent: this.#agent }, (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const said = Buffer.concat(parts).toString()
          if ((answer.statusCode ?? 0) >= 300) reject(new Error(`${method} ${path}: ${answer.statusCode} ${said.slice(0, 300)}`))
          else resolve(JSON.parse(said) as T)
        })
      })
      sent.on('error', reject)
      sent.end(text)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
