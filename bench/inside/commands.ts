// One warm command at a time, over each way that there is to run one; and keys typed into a terminal.

import { podman } from '../lib/container.ts'
import { agentNothing, agentTrue } from '../lib/cold.ts'
import { type Channel, exited, openChannel, printed } from '../lib/channel.ts'
import type { Figure, Findings, Row } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import { type Context, recorded } from './context.ts'

/** Requests before the daemon's code is as fast as it gets. */
const WARM_UP = 500
/** Attempts in one turn: what is short is measured warm, as its users have it. */
const IN_A_ROW = { inARow: 10 } as const
/** One process after another, so that the guest's clock, which counts in steps of 10 ms, can tell. */
const IN_GUEST = 40

export async function measureCommands(context: Context, rounds: number): Promise<Findings> {
  const { daemon, container, record, signal, say } = context
  const { api } = daemon
  await using cold = await context.bootCold()
  const { guest } = cold
  const id = await usedMachine(context.daemon)
  try {
    using cat = await openChannel(daemon, id, 'exec')
    using lines = await openTerminal(daemon, id, '/bin/cat')
    using keys = await openTerminal(daemon, id, '/bin/cat')
    using shell = await openTerminal(daemon, id, '/bin/bash')
    await cat.ask({ type: 'exec_start', id: 'e1', command: 'cat', background: true }, ({ type }) => type === 'exec_started' || undefined)
    // Typed apart, so that its echo is not taken for its output.
    await shell.ask(input("echo re''ady\n"), printed('pty_output', 'ready'))
    let count = 0
    /** The same in no two lines. */
    const line = (): string => `line ${++count} of them;`
    const contenders = [
      recorded(record, 'http', () => api.execTrue(id), IN_A_ROW),
      recorded(record, 'agent', () => agentTrue(guest), IN_A_ROW),
      recorded(record, 'http, nothing', () => api.execNothing(id), IN_A_ROW),
      recorded(record, 'agent, nothing', () => agentNothing(guest), IN_A_ROW),
      recorded(record, 'channel', () => execOverChannel(context, id), IN_A_ROW),
      recorded(
        record,
        'cat',
        async () => {
          const text = line()
          await cat.ask({ type: 'exec_stdin', id: 'e1', data: `${text}\n` }, printed('exec_stdout', text))
        },
        IN_A_ROW,
      ),
      recorded(
        record,
        'terminal, line',
        async () => {
          const text = line()
          // Once as its echo, once from cat.
          await lines.ask(input(`${text}\n`), printed('pty_output', text, 2))
        },
        IN_A_ROW,
      ),
      key(record, 'terminal, key', keys),
      key(record, 'terminal, key in bash', shell),
      { name: 'in the guest', every: 1, once: () => inGuest(context, id) },
      recorded(record, 'podman', () => podman('exec', container.name, 'sh', '-c', 'true')),
    ]
    say(`warm commands: ${rounds} rounds`)
    // The daemon's code is compiled as it is used, and the guest's translated.
    for (let i = 0; i < WARM_UP; i++) await api.execNothing(id)
    await interleave(contenders, { rounds: 2, signal })
    record.clear()
    await interleave(contenders, { rounds, signal })
  } finally {
    await api.destroyMachine(id)
    await rest(3)
  }
  return findings(context)
}

const input = (data: string): object => ({ type: 'pty_input', id: 't1', data })

async function openTerminal(daemon: Context['daemon'], machineId: string, shell: string): Promise<Channel> {
  const channel = await openChannel(daemon, machineId, 'pty')
  await channel.ask({ type: 'pty_start', id: 't1', cols: 80, rows: 24, shell }, ({ type }) => type === 'pty_started' || undefined)
  return channel
}

/** A connection for it, as this wire wants one for each command. */
async function execOverChannel({ daemon, record }: Context, id: string): Promise<void> {
  using channel = await record.time('channel, opened', () => openChannel(daemon, id, 'exec'))
  const code = await record.time('channel, command', () =>
    channel.ask({ type: 'exec_start', id: 'e1', command: 'true', shell: true }, exited),
  )
  if (code !== 0) throw new Error(`true ended with ${code}`)
}

/** In no prompt. */
const KEY = '='
const BACKSPACE = '\u007F'

/** Typed and taken back, so that no line gets long. */
function key(record: Context['record'], name: string, terminal: Channel): ReturnType<typeof recorded> {
  const typed = recorded(record, name, () => terminal.ask(input(KEY), printed('pty_output', KEY)), IN_A_ROW)
  return {
    ...typed,
    async once() {
      const ms = await typed.once()
      await terminal.ask(input(BACKSPACE), ({ type }) => type === 'pty_output' || undefined)
      return ms
    },
  }
}

/** What a process costs there when nobody outside has a part in it; ms. */
async function inGuest({ daemon: { api }, record }: Context, id: string): Promise<number> {
  const loop = `read a x </proc/uptime; i=0; while [ $i -lt ${IN_GUEST} ]; do sh -c true; i=$((i+1)); done; read b x </proc/uptime; echo $a $b`
  const [from, to] = (await api.exec(id, { command: loop, shell: true })).split(' ').map(Number)
  const ms = ((to! - from!) * 1000) / IN_GUEST // it prints two
  record.add('in the guest', ms)
  return ms
}

function findings({ record }: Context): Findings {
  const row = (what: string, name: string): Row => ({ what, summary: record.summary(name) })
  const apart = (one: string, other: string, key: 'p50' | 'p99'): number | null => {
    const [a, b] = [one, other].map((name) => record.summary(name).times?.[key])
    return a === undefined || b === undefined ? null : a - b
  }
  const figure = (what: string, value: number | null | undefined): Figure => ({ what, value: value ?? null, unit: 'ms' })
  return {
    rows: [
      row('a. warm `sh -c true`, HTTP keep-alive', 'http'),
      row('a. the same, agent channel alone', 'agent'),
      row('a. the same in the guest, started by a shell there (`fork`, `exec`, `wait`)', 'in the guest'),
      row('a. a program that is not there, HTTP keep-alive', 'http, nothing'),
      row('a. the same, agent channel alone', 'agent, nothing'),
      row('a. warm `sh -c true`, a WebSocket for it: connect, run, end', 'channel'),
      row('a. – of that, connection and upgrade', 'channel, opened'),
      row('a. – of that, the command', 'channel, command'),
      row('a. a line to `cat` and back, one open WebSocket (exec)', 'cat'),
      row('a. `podman exec … sh -c true`', 'podman'),
      row('d. a key in a terminal → its echo by the terminal itself', 'terminal, key'),
      row('d. the same by bash (readline)', 'terminal, key in bash'),
      row('d. a line in a terminal → printed back by `cat`', 'terminal, line'),
    ],
    bars: [
      {
        name: 'a. the daemon’s share of a command, p50',
        value: apart('http, nothing', 'agent, nothing', 'p50'),
        limit: 2,
        atMost: true,
        unit: 'ms',
      },
    ],
    figures: [
      figure('a. the daemon’s share of a command, p99', apart('http, nothing', 'agent, nothing', 'p99')),
      figure('a. `sh -c true` over HTTP, p50', record.p50('http')),
      figure('a. – of that, the daemon and HTTP', apart('http, nothing', 'agent, nothing', 'p50')),
      figure('a. – of that, the way to the agent and back, and the agent', record.p50('agent, nothing')),
      figure('a. – of that, its process in the guest', apart('http', 'http, nothing', 'p50')),
      figure('a. such a process as a shell in the guest runs it, p50', record.p50('in the guest')),
    ],
    notes: [
      'a, d: all ways take turns, in an order that rotates; ten attempts each (podman and the guest alone: one) in a turn. The agent channel alone is that of a second machine of the same image, without a daemon.',
      'a: the daemon’s share is the difference of the two rows without a process; a process costs the guest tens of milliseconds under emulation, and its noise is larger than what is measured. The parts of a command are differences of medians.',
      'a: on this wire a WebSocket carries one command. What a kept connection costs per message is the line to `cat`.',
    ],
  }
}
