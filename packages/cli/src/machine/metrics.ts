import { getHostMetrics, getMetrics, type HostSample, type MachineMetrics } from '@nullspace/contract/metrics.ts'
import { defineCommand, type Context } from '../core/command.ts'
import { argument, flag, whole } from '../core/options.ts'
import { moment, size, table } from '../core/table.ts'

const SHOWN = 20
const WATCH_MS = 5000

type Sample = MachineMetrics | HostSample
interface Args {
  readonly id: string
  readonly host: boolean | undefined
  readonly watch: boolean | undefined
  readonly last: number | undefined
}

export const machineMetrics = defineCommand({
  path: 'machine metrics',
  summary: 'Show what a machine used in the last hour; never wakes it.',
  args: { id: argument('id', 'Machine id') },
  options: {
    host: flag('--host', 'As its host sees it: processor time, memory and disk of the VM'),
    watch: flag('--watch', 'Go on with new samples, until Ctrl-C; with --json one per line'),
    last: whole('--last <n>', `Only the newest so many (default: ${SHOWN}, with --json all)`),
  },
  examples: [
    'nullspace machine metrics mch_abc',
    'nullspace machine metrics mch_abc --host --last 1 --json',
    'nullspace machine metrics mch_abc --watch',
  ],
  async run(context): Promise<Sample[] | undefined> {
    if (context.args.watch) return watch(context)
    const samples = await read(context)
    return context.args.last === undefined ? samples : samples.slice(-context.args.last)
  },
  render(samples, { io, note, args }) {
    if (samples === undefined) return
    if (samples.length === 0) return note('no samples yet')
    const shown = samples.slice(-(args.last ?? SHOWN))
    io.stdout.write(table(headings(shown[0]), shown.map(row)))
    if (shown.length < samples.length) note(`the newest ${shown.length} of ${samples.length}; --last shows more`)
  },
})

function read({ client, args: { id, host }, io }: Context<Args>): Promise<Sample[]> {
  const input = { params: { id } }
  const call = { signal: io.signal }
  return host ? client.call(getHostMetrics, input, call) : client.call(getMetrics, input, call)
}

/** Ends by the signal only. */
async function watch(context: Context<Args>): Promise<never> {
  const { io, json } = context
  let newest = ''
  for (;;) {
    const samples = await read(context)
    const fresh = samples.filter(({ timestamp }) => timestamp > newest).slice(newest === '' ? -(context.args.last ?? 1) : 0)
    if (json) for (const sample of fresh) io.stdout.write(`${JSON.stringify(sample)}\n`)
    else if (fresh.length > 0) {
      // Every batch has the widths of the headings, so that columns stay below each other.
      const lines = table(
        headings(fresh[0]),
        fresh.map(row).map((cells) => cells.map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))),
      )
      io.stdout.write(newest === '' ? lines : lines.slice(lines.indexOf('\n') + 1))
    }
    newest = samples.at(-1)?.timestamp ?? newest
    await io.pause(WATCH_MS)
  }
}

const WIDTHS = [20, 7, 21, 21, 10, 10]

const headings = (sample: Sample | undefined): string[] =>
  sample && 'cpu_count' in sample ? ['time', 'cpu', 'memory', 'disk', 'received', 'sent'] : ['time', 'cpu', 'memory', 'disk']

function row(sample: Sample): string[] {
  const start = [moment(sample.timestamp), `${sample.cpu_percent.toFixed(1)}%`]
  if (!('cpu_count' in sample)) return [...start, size(sample.memory_bytes), size(sample.disk_bytes)]
  return [
    ...start,
    `${size(sample.mem_used_bytes)}/${size(sample.mem_total_bytes)}`,
    `${size(sample.disk_used_bytes)}/${size(sample.disk_total_bytes)}`,
    size(sample.network_rx_bytes),
    size(sample.network_tx_bytes),
  ]
}
