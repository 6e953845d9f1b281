import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag, text, toggle, whole } from '../core/options.ts'
import { facts } from '../core/table.ts'
import { launch, runInForeground } from './launch.ts'
import { dataDirOption, placeOf } from './place.ts'
import { daemonClient, isAlive, runningDaemon } from './record.ts'
import { waitForShapes } from './shapes.ts'

const DEFAULT_TIMEOUT_SECONDS = 1800

export const daemonStart = defineCommand({
  path: 'daemon start',
  summary: 'Start the daemon of this host and wait until machines can be created.',
  options: {
    dataDir: dataDirOption,
    port: whole('--port <n>', 'Port to listen on; 0 takes a free one (default: 3000)', 0),
    driver: text('--driver <name>', 'What runs machines; "fake" runs none, for trying things out (default: a hypervisor)'),
    wait: toggle('wait', 'Wait until the templates are prepared (default: yes)'),
    timeout: whole('--timeout <seconds>', `How long to wait for that (default: ${DEFAULT_TIMEOUT_SECONDS})`),
    foreground: flag('--foreground', 'Stay in the terminal, for service managers; ends with Ctrl-C'),
  },
  examples: [
    'nullspace daemon start',
    'nullspace daemon start --port 8080 --no-wait',
    'nullspace daemon start --data-dir /tmp/ns --driver fake --port 0',
  ],
  async run({ args, io, json, note }) {
    const place = placeOf(io, args.dataDir)
    const before = runningDaemon(place)
    if (args.foreground) {
      if (json) throw usageError('--foreground and --json exclude each other')
      if (before) throw usageError(`the daemon is running already (pid ${before.pid})`, 'Stop it first with "nullspace daemon stop".')
      return { foreground: true, exit_code: await runInForeground(place, args, io) } as const
    }
    if (before) note(`the daemon is running already (pid ${before.pid}); options are not applied to it`)
    const record = before ?? (await launch(place, args, { io, note }))
    if (!before) note(`the daemon is up (pid ${record.pid})`)
    if (record.clientConfig === undefined) {
      note(
        `note: no config of clients names it; set NULLSPACE_API_URL=${record.url}, and NULLSPACE_API_KEY to what is in ${place.operatorKey}`,
      )
    }
    const waited =
      args.wait === false
        ? undefined
        : await waitForShapes(daemonClient(place, record, io), {
            timeoutMs: (args.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
            signal: io.signal,
            alive: () => isAlive(record),
            note,
          })
    return {
      already_running: before !== undefined,
      pid: record.pid,
      url: record.url,
      version: record.version,
      data_dir: place.dataDir,
      log: place.log,
      client_config: record.clientConfig ?? null,
      ...(waited === undefined ? {} : { shapes: waited.shapes }),
    }
  },
  render(value, { io }) {
    if (value.foreground) return
    const { url, pid, data_dir, log, client_config, shapes } = value
    io.stdout.write(
      facts([
        ['URL', url],
        ['pid', pid],
        ['data', data_dir],
        ['log', log],
        ['client config', client_config ?? undefined],
        ['ready', shapes?.map(({ template, vcpus, memory_mb }) => `${template} ${vcpus}x${memory_mb}`).join(', ')],
      ]),
    )
  },
  exitCode: ({ exit_code }) => exit_code ?? 0,
})
