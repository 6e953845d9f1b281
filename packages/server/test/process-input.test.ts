// Connections that only pass input on.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { counting } from './ground.ts'
import { connect } from './sockets.ts'
import { createWorld, type World } from './world.ts'

let world: World
let machine: string
beforeEach(async () => {
  world = await createWorld()
  machine = await counting(world)
})
afterEach(() => world[Symbol.asyncDispose]())

test('input is answered for as it is taken, output is not told, the end is', async () => {
  const path = `/v1/machines/${machine}/ws?channel=exec`
  const [client, input] = [await connect(world, path), await connect(world, path)]
  client.send({ type: 'exec_start', id: 'e', command: 'cat' })
  client.send({ type: 'exec_stdin', id: 'e', data: 'before ' })
  const { pid } = await client.frame(({ type }) => type === 'exec_started', 'the start')
  await client.frame(({ data }) => data === 'before ', 'output')
  input.send({ type: 'exec_connect', id: 'i', pid, input_only: true })
  for (const data of ['one ', 'two']) input.send({ type: 'exec_stdin', id: 'i', data })
  await input.frame(({ type }) => type === 'exec_stdin_taken', 'an answer')
  input.send({ type: 'exec_stdin_close', id: 'i' })
  expect([await client.closed, await input.closed]).toEqual([1000, 1000])
  expect(client.frames.flatMap(({ data }) => data ?? []).join('')).toBe('before one two')
  expect(input.frames).toEqual([
    { type: 'exec_started', id: 'i', pid },
    { type: 'exec_stdin_taken', id: 'i' },
    { type: 'exec_stdin_taken', id: 'i' },
    { type: 'exec_exit', id: 'i', pid, exit_code: 0 },
  ])
  // Others are not answered for.
  expect(client.frames.map(({ type }) => type)).not.toContain('exec_stdin_taken')
})
