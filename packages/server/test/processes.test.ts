// Processes that are kept, terminals, and the channels to them, with the fake guest.

import { until } from '@nullspace/vmm/exam/until.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { counting } from './ground.ts'
import { connect } from './sockets.ts'
import { type Answer, createWorld, type World } from './world.ts'

let world: World
let machine: string
beforeEach(async () => {
  world = await createWorld()
  machine = await counting(world)
})
afterEach(() => world[Symbol.asyncDispose]())

const at = (path: string): string => `/v1/machines/${machine}/${path}`
const get = (path: string): Promise<Answer> => world.call('GET', at(path))
const post = (path: string, body?: unknown): Promise<Answer> => world.call('POST', at(path), { body })
const said = ({ status, body }: Answer): string => `${status} ${body?.code ?? ''}`.trim()

async function background(command: string): Promise<number> {
  const { status, body } = await post('exec', { command, shell: true, background: true, timeout_secs: 1 })
  expect([status, Object.keys(body)]).toEqual([200, ['pid']])
  return body.pid
}

const ended = (pid: number): Promise<unknown> =>
  until(
    async () => (await get(`processes/${pid}/logs`)).body,
    ({ exit_code }) => exit_code !== null,
  )

describe('in the background', () => {
  test('a command is listed while it runs and afterwards, with what it printed', async () => {
    const pid = await background('echo out; echo err >&2; cat')
    expect((await get('processes')).body).toEqual([{ pid, command: 'echo out; echo err >&2; cat', running: true }])
    await until(
      async () => (await get(`processes/${pid}/logs`)).body,
      (logs) => logs.output === 'out\nerr\n',
    )
    expect((await get(`processes/${pid}/logs`)).body).toEqual({ stdout: 'out\n', stderr: 'err\n', output: 'out\nerr\n', exit_code: null })
    expect(said(await post(`processes/${pid}/stdin`, { data: 'more ü\n' }))).toBe('204')
    await until(
      async () => (await get(`processes/${pid}/logs`)).body,
      (logs) => logs.stdout === 'out\nmore ü\n',
    )
    expect(said(await post(`processes/${pid}/kill`))).toBe('204')
    expect((await get('processes')).body).toEqual([{ pid, command: 'echo out; echo err >&2; cat', running: false }])
    expect(await ended(pid)).toMatchObject({ exit_code: 137, output: 'out\nerr\nmore ü\n' })
    // Twice is once.
    expect(said(await post(`processes/${pid}/kill`))).toBe('204')
  })

  test('one that cannot start is an error, and nothing is listed', async () => {
    expect(said(await post('exec', { command: 'no-such', background: true }))).toBe('502 exec_failed')
    expect(said(await post('exec', { command: 'true', cwd: '/no/such', background: true }))).toBe('400 invalid_request')
    expect(said(await post('exec', { command: 'true', cwd: '/workspace/.nullspace', background: true }))).toBe('400 invalid_request')
    expect((await get('processes')).body).toEqual([])
  })

  test('what is not there, not a pid, or another owner’s', async () => {
    const pid = await background('sleep 60')
    for (const wrong of [pid + 1, 4_194_304]) {
      expect(said(await get(`processes/${wrong}/logs`))).toBe('404 process_not_found')
      expect(said(await post(`processes/${wrong}/kill`))).toBe('404 process_not_found')
      expect(said(await post(`processes/${wrong}/stdin`, { data: 'x' }))).toBe('404 process_not_found')
    }
    for (const wrong of ['0', '-1', '1.5', 'x', '99999999999'])
      expect(said(await get(`processes/${wrong}/logs`)), wrong).toBe('400 invalid_request')
    const { key } = await world.otherOwner()
    expect(said(await world.call('GET', at('processes'), { key }))).toBe('404 machine_not_found')
    expect(said(await world.call('POST', at(`processes/${pid}/kill`), { key }))).toBe('404 machine_not_found')
    expect((await get('processes')).body).toMatchObject([{ pid, running: true }])
  })
})

describe('on a channel', () => {
  const exec = (): ReturnType<typeof connect> => connect(world, `${at('ws')}?channel=exec`)
  const last = async (client: Awaited<ReturnType<typeof exec>>): Promise<string[]> => {
    await client.closed
    return client.frames.map(({ type, data, exit_code, code }) =>
      [type, data ?? exit_code ?? code].filter((one) => one !== undefined).join(' '),
    )
  }

  test('a command is started, heard, and its end told', async () => {
    const client = await exec()
    client.send({ type: 'exec_start', id: 'e1', command: 'echo out; echo err >&2; exit 3', args: [], shell: true })
    expect(await client.closed).toBe(1000)
    expect(await last(client)).toEqual(['exec_started', 'exec_stdout out\n', 'exec_stderr err\n', 'exec_exit 3'])
    expect(new Set(client.frames.map(({ id }) => id))).toEqual(new Set(['e1']))
    const { pid } = client.frames[0]
    expect((await get(`processes/${pid}/logs`)).body).toMatchObject({ output: 'out\nerr\n', exit_code: 3 })
  })

  test('bytes that are no text go both ways', async () => {
    const client = await connect(world, at('ws?channel=exec'))
    client.send({ type: 'exec_start', id: 'e', command: 'cat', binary: true })
    client.send({ type: 'exec_stdin', id: 'e', data_base64: Buffer.from([0xff, 0, 0xc3]).toString('base64') })
    const { pid } = await client.frame(({ type }) => type === 'exec_started', 'the start')
    await client.frame(({ data_base64 }) => data_base64 === '/wDD', 'the bytes')
    expect(said(await post(`processes/${pid}/stdin`, { data_base64: 'wyg=' }))).toBe('204')
    await client.frame(({ data_base64 }) => data_base64 === 'wyg=', 'more of them')
    expect(said(await post(`processes/${pid}/stdin`, { data: 'x', data_base64: 'eA==' }))).toBe('400 invalid_request')
    expect(said(await post(`processes/${pid}/stdin`, {}))).toBe('400 invalid_request')
    client.send({ type: 'exec_kill', id: 'e' })
    expect(await client.frame(({ type }) => type === 'exec_exit', 'the end')).toMatchObject({ exit_code: 137 })
  })

  test('input is passed on, in order', async () => {
    const client = await exec()
    client.send({ type: 'exec_start', id: 'e1', command: 'cat', args: [] })
    for (const data of ['one ', 'zwö ', 'three']) client.send({ type: 'exec_stdin', id: 'e1', data })
    client.send({ type: 'exec_stdin_close', id: 'e1' })
    const all = await last(client)
    expect(all.at(-1)).toBe('exec_exit 0')
    expect(client.frames.flatMap(({ data }) => data ?? []).join('')).toBe('one zwö three')
  })

  test('another connection gets all of it from the beginning; a connection that goes leaves the process', async () => {
    const pid = await background('echo before; cat')
    const [first, second] = [await exec(), await exec()]
    for (const client of [first, second]) {
      client.send({ type: 'exec_connect', id: 'c', pid })
      await client.frame(({ type }) => type === 'exec_stdout', 'output')
      expect(client.frames.map(({ type }) => type)).toEqual(['exec_started', 'exec_stdout'])
    }
    first.ws.terminate()
    await post(`processes/${pid}/stdin`, { data: 'after' })
    await second.frame(({ data }) => data === 'after', 'what came after')
    second.send({ type: 'exec_kill', id: 'c' })
    expect((await last(second)).at(-1)).toBe('exec_exit 137')
    const third = await exec()
    third.send({ type: 'exec_connect', id: 'x', pid })
    expect(await last(third)).toEqual(['exec_started', 'exec_stdout before\n', 'exec_stdout after', 'exec_exit 137'])
    // From the first frame on.
    expect(third.frames.map((frame) => frame.pid)).toEqual([pid, pid, pid, pid])
  })

  test('time that is up is an error, not an end', async () => {
    const client = await exec()
    client.send({ type: 'exec_start', id: 'e1', command: 'sleep', args: ['60'], timeout_secs: 1 })
    expect(await last(client)).toEqual(['exec_started', 'error exec_timeout'])
  })

  test('time does not end a command in the background', async () => {
    const [client, bounded] = [await exec(), await exec()]
    const command = { type: 'exec_start', id: 'e1', command: 'cat', timeout_secs: 1 }
    client.send({ ...command, background: true })
    await client.frame(({ type }) => type === 'exec_started', 'its start')
    bounded.send(command)
    expect(await last(bounded)).toEqual(['exec_started', 'error exec_timeout'])
    client.send({ type: 'exec_stdin_close', id: 'e1' })
    expect(await last(client)).toEqual(['exec_started', 'exec_exit 0'])
  })

  test.each([
    [{ type: 'exec_start', id: 'e', command: 'no-such', args: [] }, 'error exec_failed'],
    [{ type: 'exec_start', id: 'e', command: 'true', args: [], cwd: '/no/such' }, 'error invalid_request'],
    [{ type: 'exec_connect', id: 'e', pid: 4711 }, 'error process_not_found'],
    [{ type: 'exec_start', id: 'e', command: 'a', args: ['b'], shell: true }, 'error invalid_request'],
    [{ type: 'exec_stdin', id: 'e', data: 'x' }, 'error invalid_request'],
    [{ type: 'exec_start', id: 'e' }, 'error invalid_request'],
    [{ type: 'nonsense' }, 'error invalid_request'],
    ['{', 'error invalid_request'],
    [[], 'error invalid_request'],
  ])('refused: %j', async (frame, answer) => {
    const client = await exec()
    client.send(frame)
    expect(await last(client)).toEqual([answer])
  })

  test('an agent that dies is told, and the machine stays usable', async () => {
    const client = await exec()
    client.send({ type: 'exec_start', id: 'e1', command: 'sleep', args: ['60'], timeout_secs: 60 })
    await client.frame(({ type }) => type === 'exec_started', 'its start')
    world.vms.restartAgent(machine)
    expect(await last(client)).toEqual(['exec_started', 'error machine_failed'])
    expect((await post('exec', { command: 'true' })).body).toMatchObject({ exit_code: 0 })
    expect((await get('processes')).body).toEqual([])
  })
})

describe('a terminal', () => {
  const pty = (): ReturnType<typeof connect> => connect(world, `${at('ws')}?channel=pty`)
  const start = { type: 'pty_start', id: 't', cols: 90, rows: 20, shell: 'cat' }

  test('is started, resized, listed, reached again, and ended', async () => {
    const client = await pty()
    client.send(start)
    const begun = await client.frame(() => true, 'the first frame')
    const { session_id, pid } = begun
    expect(begun).toEqual({ type: 'pty_started', id: 't', session_id, pid, cols: 90, rows: 20, exec_id: `exe_${pid}` })
    expect(session_id).toMatch(/^ses_/)
    client.send({ type: 'pty_input', id: 't', session_id, data: 'é' })
    client.send({ type: 'pty_input', id: 't', session_id, data_base64: 'Aw==' })
    await until(
      () => client.frames.flatMap(({ data_base64 }) => data_base64 ?? []),
      (parts) => Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).toString() === 'é\u0003',
    )
    expect(said(await post(`pty/${session_id}/resize`, { cols: 100, rows: 30 }))).toBe('204')
    expect((await get('pty')).body).toEqual([{ session_id, pid, cols: 100, rows: 30, exec_id: `exe_${pid}` }])
    expect((await get('processes')).body).toEqual([])
    client.ws.terminate()
    const again = await pty()
    again.send({ type: 'pty_connect', id: 'again', session_id })
    await again.frame(({ data }) => data === 'é\u0003', 'what was on the screen')
    expect(again.frames[0]).toMatchObject({ type: 'pty_started', id: 'again', session_id, cols: 100 })
    expect(said(await world.call('DELETE', at(`pty/${session_id}`)))).toBe('204')
    expect(await again.closed).toBe(1000)
    expect(again.frames.at(-1)).toMatchObject({ type: 'pty_exited', session_id, exit_code: 137 })
    expect((await get('pty')).body).toEqual([])
    expect(said(await get(`pty/${session_id}`))).toBe('404 session_not_found')
    expect(said(await world.call('DELETE', at(`pty/${session_id}`)))).toBe('404 session_not_found')
  })

  test.each([
    [{ ...start, cols: 0 }, 'invalid_request'],
    [{ ...start, rows: 70_000 }, 'invalid_request'],
    [{ ...start, shell: '/no/such' }, 'exec_failed'],
    [{ type: 'pty_connect', id: 't' }, 'invalid_request'],
    [{ type: 'pty_connect', id: 't', session_id: 'ses_none', pid: 4 }, 'invalid_request'],
    [{ type: 'pty_connect', id: 't', session_id: 'ses_none' }, 'session_not_found'],
    [{ type: 'pty_input', id: 't', data: 'x' }, 'invalid_request'],
  ])('refused: %j', async (frame, code) => {
    const client = await pty()
    client.send(frame)
    await client.closed
    expect(client.frames).toMatchObject([{ type: 'error', code }])
  })
})
