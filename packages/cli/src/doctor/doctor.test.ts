import { AppError } from '@nullspace/contract/errors.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { hostStatus } from '../../../sdk/test/samples.ts'
import { removeHomes, testCli } from '../../test/test-io.ts'

let daemon: FakeDaemon
beforeEach(async () => {
  daemon = await fakeDaemon()
})
afterEach(async () => {
  removeHomes()
  await daemon[Symbol.asyncDispose]()
})
const env = (): Record<string, string> => ({ NULLSPACE_API_URL: daemon.url, NULLSPACE_API_KEY: daemon.key })

test('a daemon that answers is asked', async () => {
  const fix = 'Free some space.'
  daemon.on({ getHostStatus: () => hostStatus({ checks: [{ name: 'disk', level: 'warning', found: '3 GiB left', fix }] }) })
  const { code, out } = await testCli({ env: env() })('doctor')
  expect(code).toBe(0)
  expect(out).toMatch(/^ok {4}key_validity {2}the daemon takes the key$/m)
  expect(out).toMatch(/^WARN {2}disk {10}3 GiB left\n +-> Free some space\.$/m)
  expect(out).toMatch(/^ok {4}shape {9}base, 2 vCPU, 512 MiB: ready$/m)
  expect(out).toMatch(/\nno failures, 1 warning\n$/)
})

test('a key that is not taken, a shape that failed, a daemon that is away: each fails', async () => {
  daemon.on({
    getHostStatus: () => {
      throw new AppError('unauthorized', { say: 'This key is not known.' })
    },
  })
  const wrong = await testCli({ env: env() })('doctor', '--json')
  expect(wrong.code).toBe(1)
  expect(JSON.parse(wrong.out).checks.at(-1)).toMatchObject({ name: 'key_validity', level: 'failure', found: 'This key is not known.' })

  daemon.on({
    getHostStatus: () => hostStatus({ shapes: [{ template: 'base', vcpus: 2, memory_mb: 512, state: 'failed', detail: 'no image' }] }),
  })
  expect((await testCli({ env: env() })('doctor')).out).toMatch(/^FAIL {2}shape .* failed \(no image\)$/m)

  const away = await testCli({ env: { NULLSPACE_API_URL: 'http://daemon.invalid', NULLSPACE_API_KEY: 'k' } })('doctor')
  expect(away.code).toBe(1)
  expect(away.out).toMatch(/^FAIL {2}daemon /m)
})
