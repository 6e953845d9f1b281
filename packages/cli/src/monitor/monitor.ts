import { MachineError, Monitor } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import type { Output } from '../core/io.ts'
import { flag, whole } from '../core/options.ts'
import { toWire } from '../core/wire.ts'
import { Board } from './board.ts'

/** Many frames come at once; the screen is drawn once for them. */
const REDRAW_MS = 100

export const monitor = defineCommand({
  path: 'monitor',
  summary: 'Watch all machines, live: a table that is drawn anew, or JSON lines with --json. Ends with Ctrl-C.',
  options: {
    intervalMs: whole('--interval-ms <ms>', 'Between two figures of a machine, 500 to 10000 (default: 1000)'),
    includeProcesses: flag('--include-processes', 'With --json also the processes of machines'),
  },
  examples: ['nullspace monitor', 'nullspace monitor --interval-ms 5000 --json'],
  async run({ client, args, io, json, note }) {
    const { intervalMs = 1000, includeProcesses } = args
    if (!json && !io.stdout.isTTY) throw usageError('this is no terminal to draw on', 'Use --json, or "nullspace machine list".')
    if (includeProcesses && !json) throw usageError('--include-processes needs --json')
    const board = new Board()
    let drawing = false
    const draw = (): void => {
      if (drawing) return
      drawing = true
      const drawn = io.pause(REDRAW_MS).then(() => {
        drawing = false
        io.stdout.write(screen(board.text(io.now()), io.stdout))
      })
      // Only an interrupt rejects it, and that ends the command.
      drawn.catch(() => {})
    }
    const tell = (type: string, data: object): void => {
      if (json) io.stdout.write(`${JSON.stringify({ type: `monitor_${type}`, ...data })}\n`)
      else draw()
    }
    const subscription = Monitor.subscribe({
      client,
      intervalMs,
      includeProcesses,
      signal: io.signal,
      onSnapshot(machines) {
        board.snapshot(machines)
        tell('snapshot', { machines: toWire(machines) })
      },
      onUpdate(update) {
        board.update(update)
        tell('update', { machine_id: update.machineId, removed: update.removed, machine: toWire(update.machine) })
      },
      onMetrics(machineId, metrics) {
        board.metrics(machineId, metrics)
        tell('metrics', { machine_id: machineId, metrics: toWire(metrics) })
      },
      onProcesses: (machineId, processes) => tell('processes', { machine_id: machineId, processes: toWire(processes) }),
      // What ends the subscription is reported as any failure.
      onError(error) {
        if (error instanceof MachineError && error.code === 'monitor_error') note(`the daemon says: ${error.message}`)
      },
    })
    await subscription.ended
  },
})

/** From the top of a cleared screen, cut to its size. */
function screen(text: string, { columns = 80, rows = 24 }: Output): string {
  const lines = text.split('\n').slice(0, Math.max(1, rows - 1))
  return `\u001b[H\u001b[2J${lines.map((line) => line.slice(0, columns)).join('\n')}`
}
