import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Op } from '../op.ts'
import { openQmp, type QmpEvent } from './qmp.ts'

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n'
let dir: string
let path: string
let server: Server | null = null

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'qmp-'))
  path = join(dir, 'q')
})
afterEach(async () => {
  server?.close()
  server = null
  await rm(dir, { recursive: true })
})

const op = (timeoutMs = 2000): Op => new Op('test', { timeoutMs })

/** Answers every command with what `reply` makes of it. */
async function serve(reply: (request: { id: number; execute: string }, socket: Socket) => unknown): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(GREETING)
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.trim().split('\n')) {
        const request = JSON.parse(line) as { id: number; execute: string }
        const answer = request.execute === 'qmp_capabilities' ? { return: {} } : reply(request, socket)
        if (answer) socket.write(`${JSON.stringify({ id: request.id, ...answer })}\n`)
      }
    })
  }).listen(path, resolve)
  return promise
}

test('matches answers by id, and passes events on', async () => {
  const held: (() => void)[] = []
  await serve(({ id, execute }, socket) => {
    if (execute === 'first') return void held.push(() => socket.write(`{"id": ${id}, "return": "one"}\n`))
    socket.write('{"event": "STOP", "data": {"a": 1}, "timestamp": {}}\n')
    socket.write(`{"id": ${id}, "ret`)
    setTimeout(() => {
      socket.write('urn": "two"}\n')
      held[0]?.()
    }, 5)
    return null
  })
  const events: QmpEvent[] = []
  const qmp = await openQmp(op(), path, (event) => events.push(event))
  expect(await Promise.all([qmp.execute(op(), 'first'), qmp.execute(op(), 'second')])).toEqual(['one', 'two'])
  expect(events).toEqual([{ event: 'STOP', data: { a: 1 } }])
  qmp.close()
})

test('a refusal says which command it was', async () => {
  await serve(() => ({ error: { class: 'GenericError', desc: 'no such node' } }))
  const qmp = await openQmp(op(), path, () => {})
  await expect(qmp.execute(op(), 'block_resize')).rejects.toMatchObject({
    code: 'control_failed',
    message: 'QEMU refused block_resize: no such node',
  })
  qmp.close()
})

test('an answer that does not come ends at the deadline, and a late one is nobody’s', async () => {
  await serve(({ id, execute }, socket) => {
    if (execute !== 'slow') return { return: execute }
    setTimeout(() => socket.write(`{"id": ${id}, "return": "late"}\n`), 60)
    return null
  })
  const qmp = await openQmp(op(), path, () => {})
  await expect(qmp.execute(op(30), 'slow')).rejects.toThrow('test took longer than allowed; last: slow')
  expect(await qmp.execute(op(), 'quick')).toBe('quick')
  qmp.close()
})

test('the end of the connection ends what waits', async () => {
  await serve((_, socket) => void socket.destroy())
  const qmp = await openQmp(op(), path, () => {})
  await expect(qmp.execute(op(), 'stop')).rejects.toMatchObject({ code: 'vm_gone' })
  await qmp.closed
  await expect(qmp.execute(op(), 'cont')).rejects.toMatchObject({ code: 'vm_gone' })
})

test.each([
  ['no JSON', 'hello\n'],
  ['a line without end', 'x'.repeat(2 << 20)],
])('%s ends the connection', async (_, text) => {
  await serve((_request, socket) => void socket.write(text))
  const qmp = await openQmp(op(), path, () => {})
  await expect(qmp.execute(op(), 'stop')).rejects.toMatchObject({ code: 'vm_gone' })
})

test('no socket yet is told by its code', async () => {
  await expect(openQmp(op(), path, () => {})).rejects.toMatchObject({ code: 'ENOENT' })
})
