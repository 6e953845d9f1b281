// A daemon that has done all it was asked to: everything there is belongs to a machine or a snapshot that it tells of.

import { expect, vi } from 'vitest'
import type { Daemon } from './daemon.ts'
import { hypervisorOf } from './host.ts'
import { savedNames, unaccounted } from './saved.ts'
import { expectNoOrphans } from './shared.ts'

/** `seen`: names of VMs that were there at some time; those without a machine must be gone. Those that are there are added. */
export async function expectNothingLeft(daemon: Daemon, seen: Set<string>): Promise<void> {
  const { client, place, spareSlots } = daemon
  await vi.waitFor(() => expect(unaccounted(place)).toEqual([]), { timeout: 20_000, interval: 50 })
  const machines = await client.list()
  const kept = machines.filter(({ status }) => status === 'running').map(({ id }) => hypervisorOf(place, id).name)
  await expectNoOrphans(place, { kept, gone: [...seen].filter((name) => !kept.includes(name)), spareSlots })
  for (const name of kept) seen.add(name)
  const told = [...machines.flatMap(({ snapshot_id }) => snapshot_id ?? []), ...(await client.snapshots()).map(({ id }) => id)]
  expect(savedNames(place).filter((name) => !told.includes(name))).toEqual([])
}
