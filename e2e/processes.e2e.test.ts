// Processes and terminals of a real guest: what they print arrives whole and in order, whoever comes late gets it all, and
// a client that is slow, rude or gone costs nobody but itself.

import { until } from '@nullspace/vmm/exam/until.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { execChannel, ptyChannel } from './lib/channel.ts'
import { useLifecycles } from './lib/each-lifecycle.ts'
import { residentBytes } from './lib/host.ts'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()
const eachLifecycle = useLifecycles(shared)
const MIB = 1024 * 1024
const { client } = shared

let machine: Machine
beforeAll(async () => {
  machine = await shared.machine()
})

interface Listed {
  readonly pid: number
  readonly command: string
  readonly running: boolean
}
interface Logs {
  readonly stdout: string
  readonly stderr: string
  readonly output: string
  readonly exit_code: number | null
}
const at = ({ id }: Machine, path: string): string => `/v1/machines/${id}/${path}`
const list = async (of: Machine): Promise<Listed[]> => (await client.call<Listed[]>('GET', at(of, 'processes'))).body
const logs = async (of: Machine, pid: number): Promise<Logs> => (await client.call<Logs>('GET', at(of, `processes/${pid}/logs`))).body

async function background(of: Machine, command: string): Promise<number> {
  const { status, body } = await client.call<{ pid: number }>('POST', at(of, 'exec'), { command, shell: true, background: true })
  expect([status, body]).toEqual([200, { pid: expect.any(Number) }])
  return body.pid
}
const ended = (of: Machine, pid: number): Promise<Logs> =>
  until(
    () => logs(of, pid),
    ({ exit_code }) => exit_code !== null,
    { withinMs: 60_000, what: 'the end' },
  )

eachLifecycle('a command in the background is listed, written to, followed, and ended', async (of) => {
  const pid = await background(of, 'echo begin; while read line; do echo "got $line"; echo "err $line" >&2; done; exit 5')
  using late = await execChannel(client, of.id, { pid })
  await client.call('POST', at(of, `processes/${pid}/stdin`), { data: 'ünï\n' })
  await late.frame(({ data }) => data?.includes('got'), 'the answer')
  expect(await list(of)).toContainEqual({ pid, command: expect.stringContaining('echo begin'), running: true })
  late.send({ type: 'exec_stdin', id: 'e1', data: 'two\n' })
  late.send({ type: 'exec_stdin_close', id: 'e1' })
  expect(await late.frame(({ type }) => type === 'exec_exit', 'the end')).toMatchObject({ pid, exit_code: 5 })
  expect(late.frames[0]).toMatchObject({ type: 'exec_started', pid })
  expect([late.text('exec_stdout'), late.text('exec_stderr')]).toEqual(['begin\ngot ünï\ngot two\n', 'err ünï\nerr two\n'])
  expect(await late.closed).toBe(1000)
  expect(await ended(of, pid)).toMatchObject({ stdout: 'begin\ngot ünï\ngot two\n', stderr: 'err ünï\nerr two\n', exit_code: 5 })
  expect(await list(of)).toContainEqual({ pid, command: expect.any(String), running: false })
})

eachLifecycle('a terminal has a size, a user and colours, and outlives its connection', async (of) => {
  const typed = "stty size; id -un; tput colors; cd /tmp; mark=ke''pt; echo $mark\n"
  const first = await ptyChannel(client, of.id, { cols: 91, rows: 23, envs: { WORD: 'ü' } })
  const { session_id } = first.frames[0]
  first.send({ type: 'pty_input', id: 't1', data: typed })
  await first.frame(() => first.text('pty_output').includes('kept'), 'the mark')
  for (const part of ['23 91', 'root', '256']) expect(first.text('pty_output')).toContain(part)
  first[Symbol.dispose]()
  using again = await ptyChannel(client, of.id, { session_id })
  // What the screen showed comes again.
  await again.frame(() => again.text('pty_output').includes('kept'), 'the screen')
  again.send({ type: 'pty_resize', id: 't1', session_id, cols: 50, rows: 10 })
  again.send({ type: 'pty_input', id: 't1', session_id, data: 'stty size; pwd; echo $WORD; exit 9\n' })
  expect(await again.frame(({ type }) => type === 'pty_exited', 'the end')).toMatchObject({ session_id, exit_code: 9 })
  for (const part of ['10 50', '/tmp', 'ü']) expect(again.text('pty_output')).toContain(part)
  expect((await client.call('GET', at(of, 'pty'))).body).toEqual([])
})

describe('a terminal', () => {
  test.each([
    ['vi', 'vi -u NONE -N', [':q!\r']],
    ['less', 'seq 1 500 | less', ['G', 'q']],
    ['htop', 'htop', ['q']],
  ])('shows a program that takes the whole screen: %s', async (_name, command, keys) => {
    using terminal = await ptyChannel(client, machine.id)
    terminal.send({ type: 'pty_input', id: 't1', data: `${command}; echo le''ft-$?\n` })
    await terminal.frame(() => terminal.text('pty_output').includes('\u001B['), 'the screen')
    for (const key of keys) terminal.send({ type: 'pty_input', id: 't1', data: key })
    await terminal.frame(() => terminal.text('pty_output').includes('left-0'), 'the shell again')
    terminal.send({ type: 'pty_kill', id: 't1' })
    await terminal.frame(({ type }) => type === 'pty_exited', 'the end')
  })

  test.each([
    ['a user’s own', 'dan', '/bin/dash'],
    ['bash for one who has none', 'nobody', '/bin/bash'],
  ])('has the shell that is %s', async (_what, user, shell) => {
    await machine.text('id dan > /dev/null 2>&1 || useradd -m -s /bin/dash dan')
    using terminal = await ptyChannel(client, machine.id, { user, cwd: '/' })
    terminal.send({ type: 'pty_input', id: 't1', data: 'readlink -f /proc/$$/exe; id -un; exit\n' })
    await terminal.frame(({ type }) => type === 'pty_exited', 'the end')
    expect(terminal.text('pty_output')).toContain(await machine.text(`readlink -f ${shell}`))
    expect(terminal.text('pty_output')).toContain(`${user}\r\n`)
  })

  test('takes bytes that are no text', async () => {
    using terminal = await ptyChannel(client, machine.id, { shell: '/bin/cat' })
    terminal.send({ type: 'pty_input', id: 't1', data_base64: Buffer.from([0xc3, 0x28, 0x0a]).toString('base64') })
    const bytes = () =>
      Buffer.concat(
        terminal.frames.filter(({ type }) => type === 'pty_output').map(({ data_base64 }) => Buffer.from(data_base64, 'base64')),
      )
    await terminal.frame(() => bytes().includes(Buffer.from([0xc3, 0x28])), 'the bytes')
    terminal.send({ type: 'pty_kill', id: 't1' })
  })
})

describe('much', () => {
  test('output through one stream comes whole, and a client that does not read makes the process wait', async () => {
    const total = 200 * MIB
    const before = residentBytes(shared.pid)
    using channel = await execChannel(client, machine.id, {
      command: 'python3',
      args: ['-c', `import os\nfor i in range(${total / MIB}): os.write(1, b"x" * ${MIB})`],
      timeout_secs: 600,
    })
    channel.ws.pause()
    // As long as nobody reads, it stands still: two looks at what it has written say the same.
    const { pid } = channel.frames[0]
    const written = async (): Promise<string> => machine.text(`awk '/^wchar/ { print $2 }' /proc/${pid}/io`)
    await until(
      async () => [await written(), await written()],
      ([one, two]) => one === two && Number(one) > 0,
      { withinMs: 60_000, what: 'a process that waits' },
    )
    expect(Number(await written())).toBeLessThan(32 * MIB)
    let got = 0
    channel.ws.removeAllListeners('message')
    const end = new Promise<number>((resolve) =>
      channel.ws.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString())
        if (frame.type === 'exec_stdout') got += frame.data.length
        if (frame.type === 'exec_exit') resolve(frame.exit_code)
      }),
    )
    channel.ws.resume()
    expect(await end).toBe(0)
    expect(got).toBe(total)
    expect(residentBytes(shared.pid) - before).toBeLessThan(96 * MIB)
  })

  test('input for a process that does not read makes its client wait, and takes no memory', async () => {
    const before = residentBytes(shared.pid)
    using channel = await execChannel(client, machine.id, { command: 'sleep', args: ['600'], timeout_secs: 600 })
    const piece = 'x'.repeat(MIB)
    for (let sent = 0; sent < 100; sent++) channel.send({ type: 'exec_stdin', id: 'e1', data: piece })
    // The socket takes what fits into the network's buffers; the rest stays with the client.
    await until(
      async () => [channel.ws.bufferedAmount, await machine.text('sleep 0.2; echo')].map(Number),
      ([left]) => left! < 100 * MIB,
      { what: 'something is sent' },
    )
    expect(channel.ws.bufferedAmount).toBeGreaterThan(64 * MIB)
    expect(residentBytes(shared.pid) - before).toBeLessThan(64 * MIB)
    channel.ws.terminate()
    const { pid } = channel.frames[0]
    expect((await client.call('POST', at(machine, `processes/${pid}/kill`))).status).toBe(204)
  })

  test('of a flood without an end only its head is kept, and the log says how much is missing', async () => {
    const pid = await background(machine, 'head -c 20000000 /dev/zero | tr "\\0" y')
    const { stdout, ...rest } = (await ended(machine, pid)) as Logs &
      Record<'dropped_bytes' | 'stdout_kept_bytes' | 'stderr_kept_bytes', number>
    expect(rest.exit_code).toBe(0)
    // Some of the bound goes for where one stream ends and the other begins.
    expect(stdout.length).toBeGreaterThan(MIB - 4096)
    expect(stdout.length).toBeLessThanOrEqual(MIB)
    expect(rest.dropped_bytes).toBe(20_000_000 - stdout.length)
    expect([rest.stdout_kept_bytes, rest.stderr_kept_bytes]).toEqual([stdout.length, 0])
  })

  test('forty channels at once are told apart, and clients that vanish leave nothing', async () => {
    const channels = await Promise.all(
      Array.from({ length: 40 }, (_, n) => execChannel(client, machine.id, { command: `read x; echo ${n}-$x`, shell: true })),
    )
    for (const channel of channels.slice(20)) channel.ws.terminate()
    for (const [n, channel] of channels.slice(0, 20).entries()) channel.send({ type: 'exec_stdin', id: 'e1', data: `${n * n}\n` })
    for (const [n, channel] of channels.slice(0, 20).entries()) {
      await channel.frame(({ type }) => type === 'exec_exit', `the end of ${n}`)
      expect(channel.text('exec_stdout')).toBe(`${n}-${n * n}\n`)
    }
    const pids = channels.slice(20).map(({ frames }) => frames[0].pid)
    const left = (await list(machine)).filter(({ pid, running }) => running && pids.includes(pid))
    // Closing a connection ends no process.
    expect(left).toHaveLength(20)
    for (const pid of pids) expect((await client.call('POST', at(machine, `processes/${pid}/kill`))).status).toBe(204)
    expect((await list(machine)).filter(({ running }) => running)).toEqual([])
    expect(await machine.text('ps -eo stat= | grep -c Z || true')).toBe('0')
  })
})

describe('guests that make it hard', () => {
  test('a process that closes its output and lives on is not taken for ended', async () => {
    const pid = await background(machine, 'exec >&- 2>&-; exec sleep 600')
    expect(await list(machine)).toContainEqual({ pid, command: expect.any(String), running: true })
    expect((await client.call('POST', at(machine, `processes/${pid}/kill`))).status).toBe(204)
    expect((await ended(machine, pid)).exit_code).toBe(137)
  })

  test('a daemon that it leaves behind does not keep its end back', async () => {
    const pid = await background(machine, '(setsid sleep 600 &) ; echo gone')
    expect(await ended(machine, pid)).toMatchObject({ stdout: 'gone\n', exit_code: 0 })
    await machine.text('pkill -x sleep')
  })

  test('an agent that is killed says so to whoever listens, and the next work finds another', async () => {
    using channel = await execChannel(client, machine.id, { command: 'sleep', args: ['600'], timeout_secs: 600 })
    using terminal = await ptyChannel(client, machine.id)
    await machine.exec({ command: 'pkill -9 -x agent', shell: true })
    expect(await channel.frame(({ type }) => type === 'error', 'the loss')).toMatchObject({ code: 'machine_failed' })
    expect(await terminal.frame(({ type }) => type === 'error', 'the loss')).toMatchObject({ code: 'machine_failed' })
    const { body } = await until(
      () => machine.exec({ command: 'echo', args: ['usable'] }),
      ({ status }) => status === 200,
      { withinMs: 60_000 },
    )
    expect(body.stdout).toBe('usable\n')
    expect(await list(machine)).toEqual([])
  })
})

test('a process goes on across a pause, and its channel says that it was cut; nothing printed is lost', async () => {
  const pid = await background(machine, 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done')
  const channel = await execChannel(client, machine.id, { pid })
  await channel.frame(({ data }) => data?.includes('3\n'), 'some numbers')
  await machine.pause()
  expect(await channel.frame(({ type }) => type === 'error', 'the cut')).toMatchObject({ type: 'error' })
  await machine.resume()
  using again = await execChannel(client, machine.id, { pid })
  await again.frame(() => again.text('exec_stdout').split('\n').length > channel.text('exec_stdout').split('\n').length + 5, 'more numbers')
  const numbers = again.text('exec_stdout').trim().split('\n').map(Number)
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  await client.call('POST', at(machine, `processes/${pid}/kill`))
})
