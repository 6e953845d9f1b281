import { AppError, ERRORS, type ErrorCode } from '@nullspace/contract/errors.ts'
import { exitCodeOf } from '@nullspace/contract/exit-codes.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { removeHomes, testCli, type TestCli } from '../../test/test-io.ts'

let daemon: FakeDaemon
let cli: TestCli
beforeEach(async () => {
  daemon = await fakeDaemon()
  cli = testCli({ env: { NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key } })
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})

function refuseWith(code: ErrorCode): void {
  daemon.on({
    getMachine: () => {
      throw new AppError(code, { say: 'It cannot be.', details: { limit: 3 } })
    },
  })
}

test.each(Object.keys(ERRORS) as ErrorCode[])('a refusal with %s exits by the table', async (code) => {
  refuseWith(code)
  const ran = await cli('machine', 'get', 'mch_x')
  expect(ran.code).toBe(exitCodeOf(code))
  expect(ran.err).toBe(`error: It cannot be. (${code})\n${ERRORS[code].action}\n`)
})

test('--json prints the error on stdout', async () => {
  refuseWith('machine_not_found')
  const { code, out, err } = await cli('machine', 'get', 'mch_x', '--json')
  expect([code, err]).toEqual([3, ''])
  expect(JSON.parse(out)).toEqual({
    error: {
      code: 'machine_not_found',
      message: 'It cannot be.',
      request_id: 'req_fake',
      retryable: false,
      suggested_action: ERRORS.machine_not_found.action,
      details: { limit: 3 },
    },
  })
})

test('--verbose shows the request id', async () => {
  refuseWith('machine_not_found')
  expect((await cli('machine', 'get', 'mch_x', '--verbose')).err).toMatch(/^request id: req_fake$/m)
})

describe('usage errors', () => {
  test.each([
    [['machine', 'crate'], "unknown command 'crate'", 'Did you mean create?'],
    [['mashine'], "unknown command 'mashine'", 'Did you mean machine?'],
    [['machine', 'list', '--stat', 'x'], "unknown option '--stat'", 'Did you mean --state?'],
    [['machine', 'get'], "missing required argument 'id'", 'Add --help to see what the command takes.'],
    [
      ['machine', 'create', '--vcpus', 'two'],
      "option '--vcpus <n>' argument 'two' is invalid. It must be a whole number, at least 1.",
      'Add --help to see what the command takes.',
    ],
    [
      ['machine', 'create', '--env', 'A'],
      "option '--env <K=V>' argument 'A' is invalid. It must be KEY=VALUE.",
      'Add --help to see what the command takes.',
    ],
    [['machine', 'exec', 'mch_x', '--timout', '5', 'ls'], "unknown option '--timout'", 'Put the options of the command itself after --.'],
    [['machine', 'kill'], 'no machine given', 'Name machine ids, or use --all.'],
  ])('%j', async (argv, message, action) => {
    const plain = await cli(...argv)
    expect(plain).toEqual({ code: 2, out: '', err: `error: ${message} (invalid_request)\n${action}\n` })
    const { code, out } = await cli(...argv, '--json')
    expect(code).toBe(2)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'invalid_request', message, suggested_action: action } })
  })
})

test('without a key', async () => {
  const { code, err } = await testCli({ env: { NULLSPACE_API_URL: daemon.url } })('machine', 'list')
  expect(code).toBe(4)
  expect(err).toContain('error: no API key is configured (missing_api_key)')
})

test('without a daemon', async () => {
  const { url, key } = daemon
  await daemon[Symbol.asyncDispose]()
  const { code, err } = await testCli({ env: { NULLSPACE_API_URL: url, NULLSPACE_API_KEY: key } })('machine', 'list')
  expect(code).toBe(1)
  expect(err).toBe(
    `error: cannot reach the daemon at ${url} (ECONNREFUSED) (transport_error)\nStart the daemon with "nullspace daemon start", or set NULLSPACE_API_URL to where it listens.\n`,
  )
})
