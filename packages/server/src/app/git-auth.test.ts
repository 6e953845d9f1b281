// Credentials on their way into a machine.

import { describe, expect, test } from 'vitest'
import { credentials, redacted } from './git-auth.ts'

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LWtleS1saW5l\nAAAA\n-----END OPENSSH PRIVATE KEY-----'

describe('https', () => {
  const made = credentials({ kind: 'https', username: 'a-token-as-name', password: 'pass/word' }, ['https://h:1', 'https://i'])

  test('are in the input and nowhere else', () => {
    expect(Buffer.from(made.input).toString()).toBe('username=a-token-as-name\npassword=pass/word\n')
    const { wrapper, options, env } = made
    expect(JSON.stringify({ wrapper, options, env })).not.toMatch(/token|word/)
    expect(options).toEqual([
      '-c',
      'credential.helper=',
      '-c',
      'credential.https://h:1.helper=/run/nullspace-git/helper',
      '-c',
      'credential.https://i.helper=/run/nullspace-git/helper',
    ])
  })

  test('are taken out of what git says, as they are, escaped, and as a header', () => {
    const header = Buffer.from('a-token-as-name:pass/word').toString('base64')
    expect(redacted(`a-token-as-name, pass/word pass%2Fword Basic ${header}`, made.secrets)).toBe('***, *** *** Basic ***')
  })

  test('a short word would be taken out of every sentence', () => {
    const { secrets } = credentials({ kind: 'https', username: 'git', password: 'x' }, [])
    expect(redacted('fatal: git said x', secrets)).toBe('fatal: git said x')
  })

  test('half a character is no reason to fail', () => {
    expect(() => credentials({ kind: 'https', username: 'name\ud800name', password: 'word\ud800' }, [])).not.toThrow()
  })
})

describe('ssh', () => {
  test('a key ends with a line, whatever it came with; its passphrase comes first', () => {
    const input = (private_key: string, passphrase?: string): string =>
      Buffer.from(credentials({ kind: 'ssh', private_key, passphrase }, []).input).toString()
    expect(input(KEY)).toBe(`\n${KEY}\n`)
    expect(input(`${KEY.replaceAll('\n', '\r\n')}\r\n\r\n`, 'open')).toBe(`open\n${KEY}\n`)
  })

  test('nobody is asked; a passphrase comes from where the key is', () => {
    const without = credentials({ kind: 'ssh', private_key: KEY }, [])
    const { env, wrapper, options, secrets } = credentials({ kind: 'ssh', private_key: KEY, passphrase: 'open sesame' }, [])
    expect(without.env['GIT_SSH_COMMAND']).toMatch(/ -o BatchMode=yes$/)
    expect(env['GIT_SSH_COMMAND']).not.toContain('BatchMode')
    expect(env).toMatchObject({ SSH_ASKPASS: '/run/nullspace-git/askpass', SSH_ASKPASS_REQUIRE: 'force' })
    expect(JSON.stringify({ env, wrapper, options })).not.toMatch(/sesame|c2VjcmV0/)
    expect(redacted('c2VjcmV0LWtleS1saW5l and open sesame', secrets)).toBe('*** and ***')
  })
})

test('addresses lose what stands before their host', () => {
  expect(redacted("fatal: unable to access 'https://me:w@rd@example.com/a': no\nTo ssh://git@h/a and https://h/a@b")).toBe(
    "fatal: unable to access 'https://***@example.com/a': no\nTo ssh://***@h/a and https://h/a@b",
  )
})
