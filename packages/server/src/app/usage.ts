// What machines use: asked of the guest and of the host, kept for an hour in memory. Asking wakes nothing, waits two
// seconds at most, and several who ask at once share one answer.

import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import type { Machine } from '../domain/machine.ts'
import type { Principal } from '../domain/principal.ts'
import type { GuestStat } from '../host/guest/guest.ts'
import type { Host } from '../host/host.ts'
import { Op } from '../observe/op.ts'
import { Turnstile } from '../workflows/turnstile.ts'
import type { App } from './context.ts'
import { getMachine } from './machines.ts'
import { UsageRing } from './usage-ring.ts'
import { fromRow, guestView, hostView, type HostLook, ROW, type Sample, silentView, toRow } from './usage-sample.ts'

const KEPT_MS = 3_600_000
const STAT_TIMEOUT_MS = 2_000
/** A guest that did not answer is left alone for so long; until then the host's view has to do. */
const ASK_AGAIN_AFTER_MS = 30_000
/** Between the two looks that a first figure of the processor needs. */
const FIRST_WINDOW_MS = 200
const AT_ONCE = 8

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
  readonly #gate = new Turnstile(AT_ONCE)

  constructor(settings: UsageSettings) {
    this.#settings = settings
    this.everyMs = settings.everyMs
  }

  /** Oldest first. */
  samples(machineId: string): Sample[] {
    const oldest = this.#settings.clock.now() - KEPT_MS
    const rows = this.#tracks.get(machineId)?.ring.rows() ?? []
    return rows.map(fromRow).filter(({ at }) => at >= oldest)
  }

  /** When the last sample was taken, ms since the epoch. */
  lastAt(machineId: string): number | null {
    return this.#tracks.get(machineId)?.last?.at ?? null
  }

  /** A sample no older than `maxAgeMs`; null of a machine that has no VM now. */
  async sample(machine: Machine, maxAgeMs: number): Promise<Sample | null> {
    const track = this.#track(machine.id)
    const { last } = track
    if (last && this.#settings.clock.now() - last.at < maxAgeMs) return last
    track.asking ??= this.#ask(machine, track).finally(() => {
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

  async #ask(machine: Machine, track: Track): Promise<Sample | null> {
    // Every look in it is bounded, so the line moves.
    using op = new Op(`usage of ${machine.id}`, { timeoutMs: Infinity })
    return this.#gate.pass(op, () => this.#take(machine, track))
  }

  async #take(machine: Machine, track: Track): Promise<Sample | null> {
    const { clock, wait = pause } = this.#settings
    if (track.stat === null && track.usage === null) {
      // What it used since its start says nothing about now.
      ;[track.stat, track.usage] = await this.#look(machine, track)
      if (track.stat === null && track.usage === null) return null
      await wait(FIRST_WINDOW_MS)
    }
    const [stat, usage] = await this.#look(machine, track)
    if (stat === null && usage === null) return null
    const host = usage && hostView(track.usage, usage)
    const guest = stat ? guestView(machine, track.stat, stat, host) : silentView(machine, track.last, host)
    const sample: Sample = { at: clock.now(), guest, host }
    track.stat = stat ?? track.stat
    track.usage = usage ?? track.usage
    track.last = sample
    // Who looks more often than samples are kept does not shorten the hour.
    if (sample.at - track.keptAt >= this.everyMs * 0.9) {
      track.keptAt = sample.at
      track.ring.push(toRow(sample))
    }
    return sample
  }

  #look(machine: Machine, track: Track): Promise<[GuestStat | null, HostLook | null]> {
    return Promise.all([this.#askGuest(machine.id, track), this.#askHost(machine.id)])
  }

  async #askGuest(machineId: string, track: Track): Promise<GuestStat | null> {
    const { host, clock } = this.#settings
    const guest = host.guest(machineId)
    if (!guest || clock.now() - track.silentSince < ASK_AGAIN_AFTER_MS) return null
    using op = new Op(`stat ${machineId}`, { timeoutMs: STAT_TIMEOUT_MS })
    try {
      return await op.race(guest.stat(op))
    } catch {
      // An older agent, a machine that stands still, a guest without a moment for us.
      track.silentSince = clock.now()
      return null
    }
  }

  async #askHost(machineId: string): Promise<HostLook | null> {
    const figures = await this.#settings.host.usage(machineId).catch(() => null)
    return figures && { atMs: performance.now(), figures }
  }
}

/** Never wakes the machine; one that runs and was never looked at is looked at now. */
export async function machineUsage(app: App, principal: Principal, id: string): Promise<Sample[]> {
  const machine = await getMachine(app, principal, id)
  const kept = app.usage.samples(id)
  if (kept.length > 0 || machine.state !== 'running') return kept
  const first = await app.usage.sample(machine, app.usage.everyMs)
  return first ? [first] : []
}
