import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { eventPage, lifecycleEvent, machineId, snapshotId, uuid } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli, type TestCli } from '../../test/test-io.ts'
import { Interrupted } from '../core/io.ts'

let daemon: FakeDaemon
let cli: TestCli
const env = (): Record<string, string> => ({ NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key })
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = testCli({ env: env() })
  daemon.on({ listLifecycleEvents: () => eventPage([]) })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

/** Answers the first frames of clients; sends these events on every connection. */
function stream(...events: object[]): unknown[] {
  const asked: unknown[] = []
  daemon.onSocket({
    async lifecycleWebsocketUpgrade(socket) {
      asked.push(await socket.next())
      socket.send({ type: 'subscribed' })
      for (const event of events) socket.send({ type: 'event', event })
    },
  })
  return asked
}

test('list sends every filter', async () => {
  daemon.on({
    listLifecycleEvents: () =>
      eventPage([
        { ...lifecycleEvent({ operation: 'snapshot_created', snapshot_id: snapshotId('a') }), target_machine_id: machineId('b') },
      ]),
  })
  const { out } = await cli(
    ...'event list --machine-id m --snapshot-id s --source-machine-id a --target-machine-id b --operation fork --offset 5'.split(' '),
  )
  expect(daemon.seen[0]?.query).toEqual({
    machine_id: 'm',
    snapshot_id: 's',
    source_machine_id: 'a',
    target_machine_id: 'b',
    operation: 'fork',
    offset: '5',
  })
  expect(out).toContain(`snapshot_created  succeeded  ${machineId('a')}  user  to ${machineId('b')}; ${snapshotId('a')}\n`)
  expect(JSON.parse((await cli('event', 'list', '--json')).out)).toMatchObject({ has_more: false, events: [{ actor_kind: 'user' }] })
  daemon.on({ listLifecycleEvents: () => eventPage([]) })
  expect((await cli('event', 'list')).err).toBe('no events\n')
})

test('watch shows events as they come, and ends when told', async () => {
  const asked = stream(
    lifecycleEvent({ metadata: { some_key: 1 } }),
    lifecycleEvent({ id: uuid('2'), operation: 'timeout_expired', actor_kind: 'system' }),
  )
  expect(await cli('event', 'watch', '--max-events', '2')).toEqual({
    code: 0,
    out: `2026-11-01 10:00:00Z  create                succeeded  ${machineId('a')}  user\n2026-11-01 10:00:00Z  timeout_expired       succeeded  ${machineId('a')}  system\n`,
    err: '',
  })
  const json = await cli(...'event watch --json --max-events 1 --replay-limit 7 --operation create --metadata a=b'.split(' '))
  expect(JSON.parse(json.out)).toEqual(lifecycleEvent({ metadata: { some_key: 1 } }))
  await cli('event', 'watch', '--max-events', '1', '--after-event-id', uuid('0'))
  expect(asked).toEqual([
    { type: 'subscribe', live_only: true, replay_limit: 100 },
    { type: 'subscribe', operation: 'create', metadata: { a: 'b' }, live_only: false, replay_limit: 7 },
    { type: 'subscribe', live_only: false, after_event_id: uuid('0') },
  ])
})

test('watch ends by Ctrl-C with 130, by a refusal with its code', async () => {
  stream(lifecycleEvent())
  const stop = new AbortController()
  const watching = testCli({ env: env(), signal: stop.signal, onOutput: () => stop.abort(new Interrupted(2)) })
  expect((await watching('event', 'watch')).code).toBe(130)
  daemon.onSocket({ machineLifecycleWebsocketUpgrade: 404 })
  daemon.on({
    listMachineLifecycleEvents: () => {
      throw new AppError('machine_not_found', { say: 'There is no machine mch_x.' })
    },
  })
  expect(await cli('event', 'watch', '--machine-id', 'mch_x')).toMatchObject({
    code: 3,
    err: expect.stringContaining('There is no machine mch_x.'),
  })
})
