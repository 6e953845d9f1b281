import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeDaemon, type FakeDaemon } from '../../../sdk/test/fake-daemon.ts'
import { keyInfo, template } from '../../../sdk/test/samples.ts'
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

test('create prints nothing but the key on stdout', async () => {
  daemon.on({
    createApiKey: ({ body }) => ({
      id: keyInfo().id,
      key: 'ns_live_new',
      prefix: 'ns_live_n',
      name: body.name ?? null,
      scope: body.scope ?? 'user',
      owner: body.owner ?? 'default',
    }),
  })
  expect(await cli('key', 'create', '--name', 'ci', '--scope', 'operator', '--owner', 'team-a')).toEqual({
    code: 0,
    out: 'ns_live_new\n',
    err: `operator key of owner team-a, id ${keyInfo().id}; it cannot be shown again\n`,
  })
})

test('list and revoke', async () => {
  daemon.on({ listApiKeys: () => [keyInfo(), keyInfo({ name: null, is_active: false })], revokeApiKey: () => ({ success: true }) })
  expect((await cli('key', 'list')).out).toMatchInlineSnapshot(`
    "ID                                    KEY            NAME  SCOPE  OWNER    STATE    LAST USED
    7d9f3c52-6a0e-4a57-9a55-0f8f3f5d1c11  ns_live_abcd…  ci    user   default  active   never
    7d9f3c52-6a0e-4a57-9a55-0f8f3f5d1c11  ns_live_abcd…  -     user   default  revoked  never
    "
  `)
  expect((await cli('key', 'revoke', keyInfo().id)).out).toBe(`revoked ${keyInfo().id}\n`)
})

test('template list', async () => {
  daemon.on({ listTemplates: () => [template(), template({ name: 'other', shapes: [] })] })
  expect((await cli('template', 'list')).out).toMatchInlineSnapshot(`
    "NAME   READY SIZES     DESCRIPTION
    base   2 vCPU/512 MiB  Debian with Python
    other  none            Debian with Python
    "
  `)
})
