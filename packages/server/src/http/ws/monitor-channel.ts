// State and use of all machines of the caller, live. Several subscriptions on one connection, told apart by their ids.

import type { ErrorCode } from '@nullspace/contract/errors.ts'
import { MonitorFrame } from '@nullspace/contract/metrics.ts'
import type { App } from '../../app/context.ts'
import type { Watched } from '../../app/monitor.ts'
import { processesNow } from '../../app/processes.ts'
import { sampleNow } from '../../app/usage.ts'
import { metricsView } from '../../app/usage-sample.ts'
import type { Principal } from '../../domain/principal.ts'
import { invalidInput } from '../errors.ts'
import { viewOf } from '../machines.ts'
import type { Channel } from './channel.ts'
import type { ChannelSocket } from './socket.ts'

const INTERVAL_MS = { min: 500, max: 10_000, default: 1_000 } as const
/** Clients take a MiB; what does not fit comes as updates. */
const SNAPSHOT_BYTES = 512 * 1024
/** Of a command line, where the processes of all machines are looked over. */
const COMMAND_CHARACTERS = 200
/** May wait to be read after one look; what is not told by then, the next one tells. */
const LOOK_BYTES = 1024 * 1024

const complaint = (message: string, id = '', code: ErrorCode = 'invalid_request'): object => ({ type: 'monitor_error', id, message, code })

export const monitorChannel = (app: App): Channel => ({
  id: 'monitorWebsocketUpgrade',
  complaint,
  open(socket, { principal }) {
    const subscriptions = new Map<string, () => void>()
    socket.onFrame((value) => {
      const parsed = MonitorFrame.safeParse(value)
      if (!parsed.success) return socket.send(complaint(invalidInput('body', parsed.error).message, idOf(value)))
      const frame = parsed.data
      if (frame.type === 'monitor_unsubscribe') {
        subscriptions.get(frame.id)?.()
        subscriptions.delete(frame.id)
        return
      }
      if (subscriptions.has(frame.id)) return socket.send(complaint(`id: there is a subscription ${frame.id} already.`, frame.id))
      const wish = frame.interval_ms ?? INTERVAL_MS.default
      const everyMs = Math.min(INTERVAL_MS.max, Math.max(INTERVAL_MS.min, wish))
      const end = subscribe(app, socket, principal, { id: frame.id, everyMs, processes: frame.include_processes === true })
      if (!end) return socket.send(complaint('There are as many subscriptions as there may be; end one.', frame.id))
      subscriptions.set(frame.id, end)
    })
    socket.signal.addEventListener('abort', () => {
      for (const end of subscriptions.values()) end()
    })
  },
})

/** Returns how to end it; null when there are too many. */
function subscribe(
  app: App,
  socket: ChannelSocket,
  principal: Principal,
  { id, everyMs, processes }: { id: string; everyMs: number; processes: boolean },
): (() => void) | null {
  const view = viewOf(app)
  /** What the client was told of each machine; null before the snapshot. */
  let told: Map<string, string> | null = null
  /** The processes that it was told of last, by machine. */
  const toldProcesses = new Map<string, string>()
  let ended = false
  let asking = false

  const tell = (now: readonly Watched[]): void => {
    const before = told
    if (before === null) {
      const first = fitting(now.map(({ machine }) => view(machine)))
      told = new Map(now.slice(0, first.length).map(({ machine, print }) => [machine.id, print]))
      socket.send({ type: 'monitor_snapshot', id, machines: first })
      if (first.length < now.length) tell(now)
      return
    }
    for (const { machine, print } of now) {
      if (before.get(machine.id) === print) continue
      if (socket.waitingBytes > LOOK_BYTES) return
      before.set(machine.id, print)
      socket.send({ type: 'monitor_update', id, machine_id: machine.id, machine: view(machine), removed: false })
    }
    const left = new Set<string>(now.map(({ machine }) => machine.id))
    for (const machineId of before.keys()) {
      if (left.has(machineId)) continue
      before.delete(machineId)
      toldProcesses.delete(machineId)
      socket.send({ type: 'monitor_update', id, machine_id: machineId, removed: true })
    }
  }
  const measure = async ({ machine }: Watched): Promise<void> => {
    if (machine.state !== 'running') return
    const sample = await sampleNow(app, machine, everyMs * 0.8)
    // Told of after its end, or before its snapshot, a machine would seem to come back.
    if (!sample || ended || socket.crowded || !told?.has(machine.id)) return
    socket.send({ type: 'monitor_metrics', id, machine_id: machine.id, metrics: metricsView(sample) })
  }

  const inspect = async ({ machine }: Watched): Promise<void> => {
    if (machine.state !== 'running') return
    const list = await processesNow(app, machine.id)
    if (!list || ended || socket.crowded || !told?.has(machine.id)) return
    // The newest, when there are more than one frame holds.
    const newest = list.map((one) => ({ ...one, command: one.command.slice(0, COMMAND_CHARACTERS) })).toReversed()
    const processes = fitting(newest).toReversed()
    const print = JSON.stringify(processes)
    if (toldProcesses.get(machine.id) === print) return
    toldProcesses.set(machine.id, print)
    socket.send({ type: 'monitor_processes', id, machine_id: machine.id, processes })
  }

  const watch = app.monitor.watch(principal, () => {
    const now = watch?.machines()
    // What a client that is behind is not told now, it is told by the next look.
    if (now && !ended && !socket.crowded) tell(now)
  })
  if (!watch) return null
  const timer = setInterval(() => {
    // Figures that nobody takes are not asked for; and no second round begins before the first is over.
    if (asking || socket.crowded) return
    asking = true
    const now = watch.machines() ?? []
    Promise.all([...now.map(measure), ...(processes ? now.map(inspect) : [])])
      .catch((error: unknown) => app.log.error({ err: error }, 'figures for a monitor could not be taken'))
      .finally(() => (asking = false))
  }, everyMs)
  timer.unref()
  return () => {
    ended = true
    clearInterval(timer)
    watch[Symbol.dispose]()
  }
}

/** As many as one frame holds, at least one. */
function fitting<View>(views: readonly View[]): View[] {
  let bytes = 0
  const end = views.findIndex((one, index) => {
    bytes += Buffer.byteLength(JSON.stringify(one))
    return index > 0 && bytes > SNAPSHOT_BYTES
  })
  return end < 0 ? [...views] : views.slice(0, end)
}

/** Of a frame that is wrong otherwise, so that its sender knows which. */
function idOf(frame: unknown): string {
  const id = (frame as { id?: unknown } | null)?.id
  return typeof id === 'string' ? id.slice(0, 200) : ''
}
