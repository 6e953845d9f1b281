// A machine in a test's hands.

import type { ExecResult } from '@nullspace/contract/commands.ts'
import type { MachineInfo } from '@nullspace/contract/machines.ts'
import type { SnapshotInfo } from '@nullspace/contract/snapshots.ts'
import { expect } from 'vitest'
import type { Client, ExecInput, Reply } from './client.ts'

export class Machine {
  readonly id: string
  readonly info: MachineInfo
  readonly #client: Client

  constructor(client: Client, info: MachineInfo) {
    this.#client = client
    this.id = info.id
    this.info = info
  }

  exec(input: ExecInput): Promise<Reply<ExecResult>> {
    return this.#client.exec(this.id, input)
  }

  /** A command line for the machine's shell that has to run, whatever comes of it. */
  async sh(command: string, options: Omit<ExecInput, 'command' | 'shell'> = {}): Promise<ExecResult> {
    const { status, body } = await this.exec({ command, shell: true, ...options })
    expect({ status, body }).toMatchObject({ status: 200 })
    return body as ExecResult
  }

  /** What a command line that must succeed prints, without the last line's end. */
  async text(command: string, options: Omit<ExecInput, 'command' | 'shell'> = {}): Promise<string> {
    const result = await this.sh(command, options)
    expect(result).toMatchObject({ exit_code: 0 })
    return result.stdout.trimEnd()
  }

  /** Starts a command that lives on by itself, with nothing of ours held open. */
  async background(command: string): Promise<void> {
    await this.text(`setsid nohup sh -c '${command}' > /dev/null 2>&1 < /dev/null &`)
  }

  async python(script: string, ...args: string[]): Promise<string> {
    const { status, body } = await this.exec({ command: 'python3', args: ['-c', script, ...args], timeout_secs: 60 })
    expect({ status, body }).toMatchObject({ status: 200, body: { exit_code: 0 } })
    return (body as ExecResult).stdout.trimEnd()
  }

  /** Its VM ends; processes go on after resume(). */
  async pause(): Promise<SnapshotInfo> {
    const { status, body } = await this.#client.pause(this.id)
    expect({ status, body }).toMatchObject({ status: 200, body: { machine_id: this.id } })
    return body
  }
  async resume(): Promise<void> {
    const { status, body } = await this.#client.resume(this.id)
    expect({ status, body }).toMatchObject({ status: 200, body: { id: this.id, status: 'running' } })
  }

  get(): Promise<Reply<MachineInfo>> {
    return this.#client.get(this.id)
  }
  destroy(): Promise<Reply<{ id: string; status: string }>> {
    return this.#client.destroy(this.id)
  }
}
