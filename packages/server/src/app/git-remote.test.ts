// Which addresses of repositories are let through.

import { describe, expect, test } from 'vitest'
import { addressOf, fit, parseAddress } from './git-remote.ts'

const code = (work: () => unknown): string => {
  try {
    work()
    return 'ok'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('an address', () => {
  test.each([
    ['https://example.com/a/b.git', 'http', 'https://example.com'],
    ['https://example.com:8443/a', 'http', 'https://example.com:8443'],
    ['http://127.0.0.1:8000/a.git', 'http', 'http://127.0.0.1:8000'],
    ['http://[::1]:80/a', 'http', 'http://[::1]:80'],
    ['https://bücher.example/a', 'http', 'https://bücher.example'],
    ['ssh://git@example.com:22/~me/a.git', 'ssh', ''],
    ['ssh://example.com/a', 'ssh', ''],
    ['git@example.com:a/b.git', 'ssh', ''],
    ['example.com:a', 'ssh', ''],
    ['git://example.com/a', 'git', ''],
    ['file:///srv/a b.git', 'file', ''],
  ])('%s', (url, transport, origin) => {
    expect(parseAddress(url)).toEqual({ transport, origin, secret: false })
    expect(addressOf('url', url).transport).toBe(transport)
  })

  test.each([
    'https://me@example.com/a',
    'https://me:word@example.com/a',
    'http://:word@example.com/a',
    'https://me:w@rd@example.com/a',
    'ssh://git:word@example.com/a',
    'git://me:word@example.com/a',
  ])('with a secret: %s', (url) => {
    expect(parseAddress(url)?.secret).toBe(true)
    expect(code(() => addressOf('url', url))).toBe('invalid_request')
  })

  test.each([
    'ext::sh -c id',
    'ext::sh://x',
    'fd::7',
    'helper::https://example.com/a',
    'HTTPS://example.com/a',
    'ftp://example.com/a',
    'https:///a',
    'https://',
    'https://exa mple.com/a',
    'https://example.com\n/a',
    'https://example.com/a\u007f',
    'https://-example.com/a',
    'https://example.com:port/a',
    'ssh://-oProxyCommand=id/a',
    'ssh://-oProxyCommand=id@example.com/a',
    '-oProxyCommand=id@example.com:a',
    '-oProxyCommand=id:a',
    'git@-oProxyCommand=id:a',
    'file://host/a',
    '/srv/a.git',
    '../a',
    'a',
    'C://x',
    '',
  ])('refused: %j', (url) => {
    expect(parseAddress(url)).toBeNull()
    expect(code(() => addressOf('url', url))).toBe('invalid_request')
  })

  test('in a refusal its secret is not repeated', () => {
    expect(() => addressOf('url', 'https://me:word@example.com/a')).toThrow(
      'url: must not hold a user name or a password; give them as "auth".',
    )
  })
})

test('credentials fit one transport', () => {
  const table = ['https://h/a', 'h:a', 'git://h/a', 'file:///a', '/local'].map((url) =>
    (['https', 'ssh'] as const).map((kind) => code(() => fit({ kind }, parseAddress(url)))),
  )
  const no = 'invalid_request'
  expect(table).toEqual([
    ['ok', no],
    [no, 'ok'],
    [no, no],
    [no, no],
    [no, no],
  ])
})
