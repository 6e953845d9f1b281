// What lives of machines should come to: the state machine that their owner was promised, without a daemon.

import { expect } from 'vitest'
import type { Answer, World } from './world.ts'

export interface Expected {
  state: 'running' | 'paused' | 'error'
  /** What its memory has counted to. */
  counter: number
  readonly autoResume: boolean
  readonly idleMs: number | null
  timeoutMs: number
  action: 'destroy' | 'hibernate'
  deadline: number
  startedAt: number
  /** Last use that the daemon of now knows of. */
  usedAt: number
}

export class Model {
  readonly machines = new Map<string, Expected>()
  /** Reusable snapshots, and what the machine had counted to. */
  readonly snapshots = new Map<string, number>()
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** An id, by any number. */
  machine(pick: number): string {
    return [...this.machines.keys()][pick % Math.max(1, this.machines.size)] ?? 'mch_aaaaaaaaaaaaaaaaaaaa'
  }
  snapshot(pick: number): string {
    return [...this.snapshots.keys()][pick % Math.max(1, this.snapshots.size)] ?? 'snap_aaaaaaaaaaaaaaaaaaaa'
  }

  begins(id: string, options: Pick<Expected, 'counter' | 'autoResume' | 'idleMs' | 'timeoutMs' | 'action'>): void {
    this.machines.set(id, { ...options, state: 'running', deadline: 0, startedAt: 0, usedAt: 0 })
    this.runs(id)
  }
  runs(id: string): void {
    const now = this.#world.clock.now()
    const machine = this.#get(id)
    Object.assign(machine, { state: 'running', deadline: now + machine.timeoutMs, startedAt: now })
  }

  /** What everybody is told of a verb on a machine in this state; null when it may go on. */
  refusal(id: string, legal: readonly Expected['state'][]): string | null {
    const machine = this.machines.get(id)
    if (!machine) return 'machine_not_found'
    return legal.includes(machine.state) ? null : 'machine_not_ready'
  }

  /** Does what is due. */
  passTime(): void {
    const now = this.#world.clock.now()
    for (const [id, machine] of this.machines) {
      const { state, deadline, idleMs } = machine
      const idle = state === 'running' && idleMs !== null && Math.max(machine.startedAt, machine.usedAt) + idleMs <= now
      if (state === 'paused' || (deadline > now && !idle)) continue
      if (state === 'running' && machine.action === 'hibernate') machine.state = 'paused'
      else this.machines.delete(id)
    }
  }

  /** A daemon that was killed forgets when machines were last used. */
  forget(): void {
    for (const machine of this.machines.values()) machine.usedAt = 0
  }

  /** The world is as it should be: what its owner is told, and what is on the host. */
  async check(): Promise<void> {
    const world = this.#world
    const machines: { id: string; status: string; snapshot_id?: string }[] = (await world.call('GET', '/v1/machines')).body
    const found = machines.map(({ id, status }) => `${id} ${status}`).toSorted()
    expect(found).toEqual([...this.machines].map(([id, { state }]) => `${id} ${state}`).toSorted())
    const running = [...this.machines].flatMap(([id, { state }]) => (state === 'running' ? [id] : []))
    const saved = machines.flatMap(({ snapshot_id: id }) => (id === undefined ? [] : [id]))
    const traces = [
      ...running.flatMap((id) => [`vm ${id}`, `run/vm/${id}`, `data/pool/machines/${id}`, 'slot']),
      ...[...this.snapshots.keys(), ...saved].map((id) => `data/pool/snapshots/${id}`),
    ]
    const left = (await world.leftovers()).map((trace) => (trace.startsWith('slot') ? 'slot' : trace))
    expect(left.toSorted()).toEqual(traces.toSorted())
  }

  /** After a daemon was killed in the middle of a verb on `id`: that was done, or it was not, and nothing else changed. */
  async learn(id: string, before: Expected | undefined): Promise<void> {
    const list: { id: string; status: Expected['state']; parent_machine_id?: string }[] = (await this.#world.call('GET', '/v1/machines'))
      .body
    const target = list.find((machine) => machine.id === id)
    if (before && !target) this.machines.delete(id)
    if (before && target && target.status !== before.state) {
      expect(['running', 'paused']).toContain(target.status)
      if (target.status === 'running') this.runs(id)
      else this.#get(id).state = 'paused'
    }
    for (const machine of list) {
      if (this.machines.has(machine.id)) continue
      // Children that nobody was told of.
      expect(machine).toMatchObject({ parent_machine_id: id, status: 'running' })
      if (before) this.begins(machine.id, before)
    }
    const snapshots: { id: string; machine_id: string }[] = (await this.#world.call('GET', '/v1/snapshots')).body
    const known = new Set(snapshots.map((snapshot) => snapshot.id))
    for (const snapshot of this.snapshots.keys()) if (!known.has(snapshot) && snapshot === id) this.snapshots.delete(snapshot)
  }

  #get(id: string): Expected {
    const machine = this.machines.get(id)
    if (!machine) throw new Error(`the model has no ${id}`)
    return machine
  }
}

/** The answer is this refusal, or none when null. */
export function expectTold({ status, body }: Answer, refusal: string | null): void {
  if (refusal === null) expect(status, JSON.stringify(body)).toBeLessThan(300)
  else expect(body).toMatchObject({ code: refusal })
}
