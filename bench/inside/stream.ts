// A process that prints as fast as its output is taken, over a WebSocket: how fast that is, and what it costs the daemon.

import { identify } from '@nullspace/vmm/qemu/process.ts'
import { type Frame, openChannel } from '../lib/channel.ts'
import { vmProcess } from '../lib/footprint.ts'
import { GLOBAL } from '../lib/podman.ts'
import { memoryDuring, spending } from '../lib/process-use.ts'
import { program } from '../lib/program.ts'
import type { Figure, Findings } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { throughput } from '../lib/stats.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import { type Context, recorded } from './context.ts'

const MIB = 1024 * 1024
/** What comes over the agent's channel alone is kept until its end. */
const ALONE_MIB = 64
const MOST_GROWTH_MB = 64
const STREAM_MS = 15 * 60_000

/** Lines of 64 bytes. */
const PROGRAM = '$b=("x"x63 ."\\n")x16384; for(1..$ARGV[0]){syswrite(STDOUT,$b)==1048576||die}'

export async function measureStream(context: Context, rounds: number, mib: number): Promise<Findings> {
  const { daemon, container, record, signal, say } = context
  await using cold = await context.bootCold()
  const { guest } = cold
  const id = await usedMachine(context.daemon)
  let base: number | null = null
  try {
    const processes = { daemon: daemon.process, vm: vmProcess(daemon.runRoot, id), client: identify(process.pid)! } // we are there
    const contenders = [
      recorded(record, 'stream', async () => {
        const seen = await memoryDuring(daemon.process.pid, async () => {
          const { cpuMs } = await spending(processes, () => readStream(context, id, mib))
          for (const [name, ms] of Object.entries(cpuMs)) record.add(`stream: processor of the ${name}`, ms)
        })
        // All are held against what there was before the first.
        base ??= seen.before
        record.add('stream: growth (bytes)', seen.peak - base)
        record.add('stream: memory before (bytes)', seen.before)
        record.add('stream: memory at its peak (bytes)', seen.peak)
        record.add('stream: memory after (bytes)', seen.after)
      }),
      recorded(record, 'stream, agent alone', async () => {
        const { exit, failed, stdout } = await guest.exec(['perl', '-e', PROGRAM, String(ALONE_MIB)])
        if (exit?.exitCode !== 0 || stdout.length !== ALONE_MIB * MIB)
          throw new Error(`it ended with ${exit?.exitCode ?? failed?.message} after ${stdout.length} bytes`)
      }),
      recorded(record, 'stream, podman', async () => {
        const line = `podman ${GLOBAL.join(' ')} exec ${container.name} perl -e '${PROGRAM}' ${mib} | wc -c`
        const { ok, stdout, why } = await program('sh', ['-c', line], STREAM_MS)
        if (!ok || Number(stdout) !== mib * MIB) throw new Error(why || `${stdout.trim()} bytes came`)
      }),
    ]
    await interleave(contenders, { rounds, signal, say })
  } finally {
    await daemon.api.destroyMachine(id)
    await rest(3)
  }
  return findings(context, mib)
}

/** Rejects unless all came. */
async function readStream({ daemon }: Context, id: string, mib: number): Promise<void> {
  using channel = await openChannel(daemon, id, 'exec')
  let bytes = 0
  const start = { type: 'exec_start', id: 'e1', command: 'perl', args: ['-e', PROGRAM, String(mib)], timeout_secs: STREAM_MS / 1000 }
  const step = ({ type, data = '', exit_code }: Frame): number | undefined => {
    // One byte per character, as it is printed.
    if (type === 'exec_stdout') bytes += data.length
    return type === 'exec_exit' ? exit_code : undefined
  }
  const code = await channel.ask(start, step, STREAM_MS)
  if (code !== 0 || bytes !== mib * MIB) throw new Error(`it ended with ${code} after ${bytes} bytes`)
}

function findings({ record }: Context, mib: number): Findings {
  const size = mib % 1024 === 0 ? `${mib / 1024} GiB` : `${mib} MiB`
  const growth = record.summary('stream: growth (bytes)').times?.max
  const ms = record.mean('stream')
  const memory = (what: string, name: string): Figure => {
    const bytes = record.summary(`stream: ${name} (bytes)`).times?.max
    return { what: `e. the daemon’s memory ${what}, the most of all rounds`, value: bytes === undefined ? null : bytes / 1e6, unit: 'MB' }
  }
  const used = (name: string, what: string): Figure => {
    const mean = record.mean(`stream: processor of the ${name}`)
    return {
      what: `e. ${size}: ${what} processor time against the whole`,
      value: ms === null || mean === null ? null : (100 * mean) / ms,
      unit: '%',
    }
  }
  return {
    rows: [
      { what: `e. ${size} printed by a process → read from a WebSocket`, summary: record.summary('stream') },
      { what: `e. ${ALONE_MIB} MiB, agent channel alone`, summary: record.summary('stream, agent alone') },
      { what: `e. ${size} through \`podman exec\``, summary: record.summary('stream, podman') },
    ],
    bars: [
      {
        name: `e. growth of the daemon’s memory while ${size} is streamed, the most`,
        value: growth === undefined ? null : growth / 1e6,
        limit: MOST_GROWTH_MB,
        atMost: true,
        unit: 'MB',
      },
    ],
    figures: [
      { what: `e. ${size}, WebSocket`, value: throughput(mib * MIB, record.p50('stream')), unit: 'MB/s' },
      { what: 'e. agent channel alone', value: throughput(ALONE_MIB * MIB, record.p50('stream, agent alone')), unit: 'MB/s' },
      { what: `e. ${size}, \`podman exec\``, value: throughput(mib * MIB, record.p50('stream, podman')), unit: 'MB/s' },
      used('vm', 'the VM’s'),
      used('daemon', 'the daemon’s'),
      used('client', 'the client’s (it parses what comes)'),
      memory('before', 'memory before'),
      memory('at its peak', 'memory at its peak'),
      memory('after', 'memory after'),
    ],
    notes: [
      'e: resident memory of the daemon’s process, looked at every 50 ms; growth is against what it had before the first stream. Lines of text, of which each byte is counted at the client.',
    ],
  }
}
