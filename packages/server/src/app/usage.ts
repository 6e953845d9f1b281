// What machines use: asked of the guest and of the host, kept for an hour in memory. Asking wakes nothing, waits two
// seconds at most, and several who ask at once share one answer.
//
// Times are the wall clock's, which may be set back: an age below zero says nothing, so that is old.

import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import type { GuestStat } from '../host/guest/guest.ts'
import type { Host } from '../host/host.ts'
import { Op } from '../observe/op.ts'
import type { App } from './context.ts'
import { FairGate } from './fair-gate.ts'
import { getMachine } from './machines.ts'
import { UsageRing } from './usage-ring.ts'
import { fromRow, guestView, hostView, type HostLook, type Measured, ROW, type Sample, silentView, toRow } from './usage-sample.ts'

const KEPT_MS = 3_600_000
const STAT_TIMEOUT_MS = 2_000
/** A guest that did not answer is left alone for so long; until then the host's view has to do. */
const ASK_AGAIN_AFTER_MS = 30_000
/** Between the two looks that a first figure of the processor needs. */
const FIRST_WINDOW_MS = 200
/** A guest that does not answer holds a place for seconds. */
const AT_ONCE = { inAll: 8, perOwner: 3 } as const

interface Track {
  readonly ring: UsageRing
  last: Sample | null
  keptAt: number
  stat: GuestStat | null
  usage: HostLook | null
  silentSince: number
  asking: Promise<Sample | null> | null
}

export interface UsageSettings {
  readonly host: Pick<Host, 'guest' | 'usage'>
  readonly clock: Clock
  /** Between two samples that are kept. */
  readonly everyMs: number
  /** For `ms`; a test's is shorter. */
  readonly wait?: (ms: number) => Promise<unknown>
}

export class UsageLog {
  readonly everyMs: number
  readonly #settings: UsageSettings
  readonly #tracks = new Map<string, Track>()
  readonly #gate = new FairGate(AT_ONCE)

  constructor(settings: UsageSettings) {
    this.#settings = settings
    this.everyMs = settings.everyMs
  }

  /** Oldest first. */
  samples(machineId: string): Sample[] {
    const now = this.#settings.clock.now()
    const rows = this.#tracks.get(machineId)?.ring.rows() ?? []
    const inOrder = rows.map(fromRow).toSorted((a, b) => a.at - b.at)
    return inOrder.filter(({ at }) => at >= now - KEPT_MS && at <= now)
  }

  /** A sample no older than `maxAgeMs`; null of a machine that has no VM now. While it is being changed, its guest may stand still. */
  async sample(machine: Measured, maxAgeMs: number, isChanging: () => boolean = () => false): Promise<Sample | null> {
    const track = this.#track(machine.id)
    const { last } = track
    if (last && this.#within(maxAgeMs, last.at)) return last
    track.asking ??= this.#ask(machine, track, isChanging).finally(() => {
      track.asking = null
    })
    return track.asking
  }

  /** Forgets every machine that is not among these. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#tracks.keys()) if (!ids.has(id)) this.#tracks.delete(id)
  }

  #track(machineId: string): Track {
    const known = this.#tracks.get(machineId)
    if (known) return known
    const ring = new UsageRing(ROW, Math.ceil(KEPT_MS / this.everyMs))
    const track: Track = { ring, last: null, keptAt: -Infinity, stat: null, usage: null, silentSince: -Infinity, asking: null }
    this.#tracks.set(machineId, track)
    return track
  }

  /** Whether `at` is less than `ms` ago. */
  #within(ms: number, at: number): boolean {
    const age = this.#settings.clock.now() - at
    return age >= 0 && age < ms
  }

  /** Every look in it is bounded, so the line moves. */
  #ask(machine: Measured, track: Track, isChanging: () => boolean): Promise<Sample | null> {
    return this.#gate.pass(machine.ownerId, () => this.#take(machine, track, isChanging))
  }

  async #take(machine: Measured, track: Track, isChanging: () => boolean): Promise<Sample | null> {
    const { clock, wait = pause } = this.#settings
    if (track.stat === null && track.usage === null) {
      // What it used since its start says nothing about now.
      ;[track.stat, track.usage] = await this.#look(machine, track, isChanging)
      if (track.stat === null && track.usage === null) return null
      await wait(FIRST_WINDOW_MS)
    }
    const [stat, usage] = await this.#look(machine, track, isChanging)
    if (stat === null && usage === null) return null
    const host = usage && hostView(track.usage, usage)
    const guest = stat ? guestView(machine, track.stat, stat, host) : silentView(machine, track.last, host)
    const sample: Sample = { at: clock.now(), guest, host }
    track.stat = stat ?? track.stat
    track.usage = usage ?? track.usage
    track.last = sample
    // Who looks more often than samples are kept does not shorten the hour.
    if (!this.#within(this.everyMs * 0.9, track.keptAt)) {
      track.keptAt = sample.at
      track.ring.push(toRow(sample))
    }
    return sample
  }

  #look({ id }: Measured, track: Track, isChanging: () => boolean): Promise<[GuestStat | null, HostLook | null]> {
    return Promise.all([this.#askGuest(id, track, isChanging), this.#askHost(id)])
  }

  async #askGuest(machineId: string, track: Track, isChanging: () => boolean): Promise<GuestStat | null> {
    const { host, clock } = this.#settings
    const guest = host.guest(machineId)
    if (!guest || isChanging() || this.#within(ASK_AGAIN_AFTER_MS, track.silentSince)) return null
    using op = new Op(`stat ${machineId}`, { timeoutMs: STAT_TIMEOUT_MS })
    try {
      return await op.race(guest.stat(op))
    } catch {
      // An older agent, a guest without a moment for us; not one whose machine is made to stand still.
      if (!isChanging()) track.silentSince = clock.now()
      return null
    }
  }

  async #askHost(machineId: string): Promise<HostLook | null> {
    const figures = await this.#settings.host.usage(machineId).catch(() => null)
    return figures && { atMs: performance.now(), figures }
  }
}

/** A sample no older than `maxAgeMs`. None of a machine that is being changed: it may stand still, and is not to be asked while it is saved. */
export async function sampleNow(app: Pick<App, 'usage' | 'lock'>, machine: Measured, maxAgeMs: number): Promise<Sample | null> {
  const isChanging = (): boolean => app.lock.holder(machine.id) !== undefined
  return isChanging() ? null : app.usage.sample(machine, maxAgeMs, isChanging)
}

/** Never wakes the machine; one that runs and was never looked at is looked at now. */
export async function machineUsage(app: App, principal: Principal, id: string): Promise<Sample[]> {
  const machine = await getMachine(app, principal, id)
  const kept = app.usage.samples(id)
  if (kept.length > 0 || machine.state !== 'running') return kept
  const first = await sampleNow(app, machine, app.usage.everyMs)
  return first ? [first] : []
}
