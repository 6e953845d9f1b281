// The daemon that all files share, and machines that do not outlive the file that made them.

import type { MachineInfo } from '@nullspace/contract/machines.ts'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { Client } from './client.ts'
import { type Expected, hypervisorOf, namesOfVms, orphans, type Place } from './host.ts'
import type { Internet } from './internet.ts'
import { Machine } from './machine.ts'
import { savedNames, unaccounted } from './saved.ts'
import type { SnapshotInfo } from '@nullspace/contract/snapshots.ts'

export interface SharedFacts {
  readonly pid: number
  readonly place: Place
  readonly spareSlots: number
  readonly internet: Internet
  /** As XDG_CONFIG_HOME it holds the client configuration that the daemon wrote. */
  readonly clientDir: string
  readonly logFile: string
}

export interface Shared extends SharedFacts {
  readonly client: Client
  /** A machine for this file, with the defaults of the API where nothing is said. */
  machine(options?: Readonly<Record<string, unknown>>): Promise<Machine>
  /** Children of a machine, for this file as well. */
  fork(source: Machine, count?: number): Promise<Machine[]>
  snapshot(source: Machine): Promise<SnapshotInfo>
}

/** To be called once, at the top of a file. At its end its machines go, and nothing of them may be left on the host. */
export function useShared(): Shared {
  const facts = JSON.parse(needed('NULLSPACE_E2E_SHARED')) as SharedFacts
  const client = new Client({ url: needed('NULLSPACE_E2E_URL'), key: needed('NULLSPACE_E2E_KEY') })
  const { place, spareSlots } = facts
  const machines: Machine[] = []
  const vms: string[] = []
  const snapshots: string[] = []
  let before: readonly string[] = []

  beforeAll(() => {
    before = [...namesOfVms(place)]
  })
  afterAll(async () => {
    await Promise.all(machines.map((machine) => machine.destroy()))
    await Promise.all(snapshots.map((id) => client.deleteSnapshot(id)))
    expect(await client.health()).toBe(200)
    // What was there before is another's, who is judged by his own tests.
    await expectNoOrphans(place, { kept: before.filter((name) => !vms.includes(name)), gone: vms, spareSlots })
    await vi.waitFor(() => expect(unaccounted(place)).toEqual([]), { timeout: 15_000, interval: 100 })
    expect(savedNames(place).filter((id) => snapshots.includes(id))).toEqual([])
  })
  const inHand = (info: MachineInfo): Machine => {
    const machine = new Machine(client, info)
    machines.push(machine)
    // By its id, too: a VM that it is resumed in has that for its name.
    vms.push(hypervisorOf(place, machine.id).name, machine.id)
    return machine
  }
  return {
    ...facts,
    client,
    async machine(options = {}) {
      const { status, body } = await client.create(options)
      expect({ status, body }).toMatchObject({ status: 201, body: { status: 'running' } })
      return inHand(body)
    },
    async fork(source, count = 1) {
      const { status, body } = await client.fork(source.id, count)
      expect({ status, body }).toMatchObject({ status: 201, body: { items: { length: count } } })
      return body.items.map(inHand)
    },
    async snapshot(source) {
      const { status, body } = await client.snapshot(source.id)
      expect({ status, body }).toMatchObject({ status: 201, body: { machine_id: source.id } })
      snapshots.push(body.id)
      return body
    },
  }
}

export async function expectNoOrphans(place: Place, expected: Expected): Promise<void> {
  await vi.waitFor(() => expect(orphans(place, expected)).toEqual([]), { timeout: 15_000, interval: 100 })
}

function needed(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: the set-up of the e2e tests starts a daemon and sets it`)
  return value
}
