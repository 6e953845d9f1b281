import { getHostStatus } from '@nullspace/contract/host.ts'
import { MachineError } from '@nullspace/sdk'
import { defineCommand, type Context } from '../core/command.ts'
import { CliError } from '../core/failure.ts'
import { whole } from '../core/options.ts'
import { pause } from './pause.ts'
import { dataDirOption, placeOf, type Place } from './place.ts'
import { daemonClient, isAlive, runningDaemon, type DaemonRecord } from './record.ts'

const DEFAULT_TIMEOUT_SECONDS = 60

export const daemonStop = defineCommand({
  path: 'daemon stop',
  summary: 'Stop the daemon after what it is at; machines keep running.',
  options: {
    dataDir: dataDirOption,
    timeout: whole('--timeout <seconds>', `How long to wait for its end (default: ${DEFAULT_TIMEOUT_SECONDS})`),
  },
  examples: ['nullspace daemon stop', 'nullspace daemon stop --data-dir /tmp/ns'],
  async run(context) {
    const { args, io } = context
    const place = placeOf(io, args.dataDir)
    const record = runningDaemon(place)
    if (record === undefined) return { was_running: false } as const
    const running = await countMachines(context, place, record)
    // Once more: the question above took its time.
    if (isAlive(record)) terminate(record.pid)
    const timeoutSeconds = args.timeout ?? DEFAULT_TIMEOUT_SECONDS
    const deadline = performance.now() + timeoutSeconds * 1000
    while (isAlive(record)) {
      if (performance.now() > deadline) {
        throw new CliError(
          'timeout',
          `the daemon (pid ${record.pid}) is still at work after ${timeoutSeconds} s`,
          'Wait on by stopping it again.',
        )
      }
      await pause(100, io.signal)
    }
    return { was_running: true, pid: record.pid, machines_running: running } as const
  },
  render(value, { io }) {
    if (!value.was_running) return io.stdout.write('the daemon is not running\n')
    io.stdout.write(`stopped the daemon (pid ${value.pid})\n`)
    const { machines_running: count } = value
    const machines = count === null ? 'machines keep' : count === 1 ? '1 machine keeps' : `${count} machines keep`
    if (count !== 0) io.stdout.write(`${machines} running; the next start takes over\n`)
  },
})

/** Null when the daemon does not say. */
async function countMachines({ io }: Context<unknown>, place: Place, record: DaemonRecord): Promise<number | null> {
  try {
    const { machines } = await daemonClient(place, record, io).call(getHostStatus, {}, { signal: io.signal, requestTimeoutMs: 2000 })
    return machines.running
  } catch (error) {
    if (error instanceof MachineError) return null
    throw error
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
    throw new CliError(
      'permission_denied',
      `cannot stop process ${pid}: ${(error as Error).message}`,
      'Stop it as the user who started it.',
    )
  }
}
