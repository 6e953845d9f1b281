import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { removeHomes, testCli } from '../../test/test-io.ts'

afterEach(removeHomes)

const KEY = `ns_live_${'A'.repeat(40)}`
const FINGERPRINT = 'sha256:dacbbc1025b5'

test('login saves key and URL for this user only, and keeps what else is there', async () => {
  const cli = testCli({ answer: ` ${KEY}\n` })
  const path = join(cli.home, '.config/nullspace/config.json')
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, '{"theme":"dark","api_key":"old"}', { mode: 0o644 })
  expect(await cli('auth', 'login', '--api-url', 'https://m.example.com/pre/')).toEqual({ code: 0, out: `saved to ${path}\n`, err: '' })
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ theme: 'dark', api_key: KEY, base_url: 'https://m.example.com/pre' })
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('login from standard input; a variable that wins is named', async () => {
  const cli = testCli({ input: `${KEY}\n`, env: { NULLSPACE_TOKEN: 'other' } })
  const { code, err } = await cli('auth', 'login', '--api-key', '-')
  expect([code, err]).toEqual([0, 'note: NULLSPACE_TOKEN is set and wins over the config file\n'])
})

test.each([
  ['a key in the arguments', ['--api-key', KEY], 'process list'],
  ['nobody to ask', [], 'nobody to ask'],
  ['a URL of another kind', ['--api-url', 'ftp://x', '--api-key', '-'], 'no http or https URL'],
  ['an empty key', ['--api-key', '-'], 'empty'],
])('login refuses %s', async (_, argv, why) => {
  const { code, err } = await testCli()('auth', 'login', ...argv)
  expect(code).toBe(2)
  expect(err).toContain(why)
  expect(err).not.toContain(KEY)
})

test('login does not overwrite a file it cannot read', async () => {
  const cli = testCli({ answer: KEY, env: {} })
  const path = join(cli.home, '.config/nullspace/config.json')
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, '{oops')
  expect((await cli('auth', 'login')).code).toBe(1)
  expect(readFileSync(path, 'utf8')).toBe('{oops')
})

test('status shows sources and a fingerprint, never the key', async () => {
  const { code, out } = await testCli({ env: { NULLSPACE_API_KEY: KEY } })('auth', 'status')
  expect(code).toBe(0)
  expect(out).toContain(`API key:  ${FINGERPRINT} (from env)`)
  expect(out).toContain('API URL:  http://localhost:3000 (from default)')
  expect(out).not.toContain('AAAA')
  const json = await testCli({ env: { NULLSPACE_API_KEY: KEY } })('auth', 'status', '--json')
  expect(JSON.parse(json.out)).toMatchObject({
    api_key: { configured: true, source: 'env', fingerprint: FINGERPRINT },
    api_url_source: 'default',
  })
  expect(json.out).not.toContain('AAAA')
})

test('env can be evaluated by a shell, whatever is in the values', async () => {
  const key = `a'b "$HOME" \`x\``
  const { out } = await testCli({ env: { NULLSPACE_API_KEY: key } })('auth', 'env')
  expect(execFileSync('sh', ['-c', `${out}printf %s "$NULLSPACE_API_KEY"`]).toString()).toBe(key)
  expect((await testCli()('auth', 'env')).code).toBe(4)
})
