import { getHostStatus } from '@nullspace/contract/host.ts'
import { defineCommand } from '../core/command.ts'
import { facts } from '../core/table.ts'
import { dataDirOption, placeOf } from './place.ts'
import { daemonClient, runningDaemon } from './record.ts'
import { describe } from './shapes.ts'

export const daemonStatus = defineCommand({
  path: 'daemon status',
  summary: 'Show whether the daemon of this host runs, and what; exit code 1 when it does not.',
  options: { dataDir: dataDirOption },
  examples: ['nullspace daemon status', 'nullspace daemon status --json'],
  async run({ args, io }) {
    const place = placeOf(io, args.dataDir)
    const record = runningDaemon(place)
    if (record === undefined) return { running: false, data_dir: place.dataDir } as const
    const host = await daemonClient(place, record, io).call(getHostStatus, {}, { signal: io.signal, requestTimeoutMs: 10_000 })
    return { running: true, pid: record.pid, url: record.url, data_dir: place.dataDir, log: place.log, host } as const
  },
  render(value, { io, note }) {
    if (!value.running) {
      io.stdout.write(
        facts([
          ['state', 'not running'],
          ['data', value.data_dir],
        ]),
      )
      return note('Start it with "nullspace daemon start".')
    }
    const { host } = value
    const counts = Object.entries(host.machines).filter(([, count]) => count > 0)
    io.stdout.write(
      facts([
        ['state', 'running'],
        ['URL', value.url],
        ['pid', value.pid],
        ['version', host.version],
        ['since', host.started_at],
        ['driver', `${host.driver} (${host.accelerator})`],
        ['machines', counts.map(([state, count]) => `${count} ${state}`).join(', ') || 'none'],
        ['data', value.data_dir],
        ['log', value.log],
        ...host.shapes.map((shape) => ['shape', `${describe(shape).name}: ${describe(shape).state}`] as const),
      ]),
    )
    const bad = host.checks.filter(({ level }) => level === 'failure' || level === 'warning').length
    if (bad > 0) note(`${bad} ${bad === 1 ? 'thing wants' : 'things want'} mending; see "nullspace doctor"`)
  },
  exitCode: ({ running }) => (running ? 0 : 1),
})
