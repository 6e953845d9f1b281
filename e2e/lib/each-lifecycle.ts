// One behaviour, every lifecycle: what holds in a fresh machine must hold in one that was handed out of stock, that was
// paused and resumed, and that was made from another's memory. One set of machines serves a whole file.

import { beforeAll, describe, expect, test, vi } from 'vitest'
import { hypervisorOf } from './host.ts'
import type { Machine } from './machine.ts'
import type { Shared } from './shared.ts'

const LIVES = ['freshly created', 'from a spare', 'resumed', 'restored from a snapshot', 'forked'] as const
type Life = (typeof LIVES)[number]

export type EachLifecycle = (name: string, behaviour: (machine: Machine) => Promise<void>) => void

/** To be called at the top of a file or of a describe: the machines are made before its tests, with these options. */
export function useLifecycles(shared: Shared, options: Readonly<Record<string, unknown>> = {}): EachLifecycle {
  const machines = new Map<Life, Machine>()
  // Spares stand by with the internet, so a machine without it is never one.
  const lives = LIVES.filter((life) => life !== 'from a spare' || options['internet_access'] !== false)

  beforeAll(async () => {
    if (lives.includes('from a spare')) machines.set('from a spare', await fromSpare(shared, options))
    const [fresh, resumed] = await Promise.all([fromNothing(shared, options), fromNothing(shared, options)])
    await resumed.pause()
    await resumed.resume()
    const { id } = await shared.snapshot(fresh)
    machines.set('freshly created', fresh).set('resumed', resumed)
    machines.set('restored from a snapshot', await shared.machine({ snapshot_id: id }))
    const [forked] = await shared.fork(fresh)
    if (forked) machines.set('forked', forked)
  })

  return (name, behaviour) =>
    describe(`${name}:`, () => {
      test.each(lives)('%s', async (life) => {
        const machine = machines.get(life)
        if (!machine) throw new Error(`the machine that is ${life} could not be made`)
        await behaviour(machine)
      })
    })
}

const isSpare = ({ place }: Shared, { id }: Machine): boolean => hypervisorOf(place, id).name.startsWith('spare-')

/** A spare is made a while after the last create, so there may be none at first; what came instead goes again. */
function fromSpare(shared: Shared, options: Readonly<Record<string, unknown>>): Promise<Machine> {
  return vi.waitFor(
    async () => {
      const machine = await shared.machine(options)
      if (isSpare(shared, machine)) return machine
      await machine.destroy()
      throw new Error('there was no spare to be had')
    },
    { timeout: 90_000, interval: 10_000 },
  )
}

/** The next ones after a spare was taken. */
async function fromNothing(shared: Shared, options: Readonly<Record<string, unknown>>): Promise<Machine> {
  const machine = await shared.machine(options)
  expect(isSpare(shared, machine), 'it was made from a spare').toBe(false)
  return machine
}
