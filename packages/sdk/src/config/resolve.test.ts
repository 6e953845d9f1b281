import { describe, expect, test } from 'vitest'
import { resolveConfig, type Sources } from './resolve.ts'

const XDG = '/home/me/.config/nullspace/config.json'
const LEGACY = '/home/me/.nullspace/config.json'

function resolve({ explicit = {}, env = {}, files = {} }: Given) {
  const sources: Sources = { env, cwd: '/project', home: '/home/me', readText: (path) => files[path] }
  const { apiKey, baseUrl } = resolveConfig(explicit, sources)
  return { key: apiKey.value, keyFrom: apiKey.source, url: baseUrl.value, urlFrom: baseUrl.source }
}

interface Given {
  readonly explicit?: { readonly apiKey?: string; readonly baseUrl?: string }
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

const everything = {
  env: { NULLSPACE_API_KEY: 'env-1', NULLSPACE_TOKEN: 'env-2', NULLSPACE_API_URL: 'http://env-1', NULLSPACE_BASE_URL: 'http://env-2' },
  files: {
    '/project/.env': 'NULLSPACE_API_KEY=dot-1\nNULLSPACE_TOKEN=dot-2\nNULLSPACE_API_URL=http://dot-1\nNULLSPACE_BASE_URL=http://dot-2\n',
    [XDG]: '{"api_key":"xdg","base_url":"http://xdg-base","api_url":"http://xdg-api"}',
    [LEGACY]: '{"api_key":"old","base_url":"http://old-base","api_url":"http://old-api"}',
  },
}

/** `everything` with the strongest sources taken away one by one. */
function without(...names: string[]): Given {
  const env = Object.fromEntries(Object.entries(everything.env).filter(([name]) => !names.includes(`env:${name}`)))
  const dot = everything.files['/project/.env'].split('\n').filter((line) => !names.includes(`.env:${line.split('=')[0]}`))
  const config = (path: typeof XDG | typeof LEGACY): string =>
    JSON.stringify(
      Object.fromEntries(Object.entries(JSON.parse(everything.files[path])).filter(([key]) => !names.includes(`${path}:${key}`))),
    )
  return { env, files: { '/project/.env': dot.join('\n'), [XDG]: config(XDG), [LEGACY]: config(LEGACY) } }
}

describe('order', () => {
  const keySteps = [
    'env:NULLSPACE_API_KEY',
    'env:NULLSPACE_TOKEN',
    '.env:NULLSPACE_API_KEY',
    '.env:NULLSPACE_TOKEN',
    `${XDG}:api_key`,
    `${LEGACY}:api_key`,
  ]
  const keys = ['env-1', 'env-2', 'dot-1', 'dot-2', 'xdg', 'old', undefined]
  test.each(keys.map((key, gone) => ({ key, gone })))('key $key when $gone stronger ones are missing', ({ key, gone }) => {
    expect(resolve(without(...keySteps.slice(0, gone))).key).toBe(key)
  })

  const urlSteps = [
    'env:NULLSPACE_API_URL',
    'env:NULLSPACE_BASE_URL',
    '.env:NULLSPACE_API_URL',
    '.env:NULLSPACE_BASE_URL',
    `${XDG}:base_url`,
    `${LEGACY}:base_url`,
    `${XDG}:api_url`,
    `${LEGACY}:api_url`,
  ]
  const urls = [
    'http://env-1',
    'http://env-2',
    'http://dot-1',
    'http://dot-2',
    'http://xdg-base',
    'http://old-base',
    'http://xdg-api',
    'http://old-api',
    'http://localhost:3000',
  ]
  test.each(urls.map((url, gone) => ({ url, gone })))('URL $url when $gone stronger ones are missing', ({ url, gone }) => {
    expect(resolve(without(...urlSteps.slice(0, gone))).url).toBe(url)
  })
})

test.each([
  [
    'an argument beats all',
    { explicit: { apiKey: ' mine ', baseUrl: 'http://mine' }, ...everything },
    { key: 'mine', keyFrom: 'explicit', url: 'http://mine', urlFrom: 'explicit' },
  ],
  [
    'an empty argument is no key and the default URL',
    { explicit: { apiKey: '', baseUrl: '' }, ...everything },
    { key: undefined, keyFrom: 'explicit', url: 'http://localhost:3000', urlFrom: 'default' },
  ],
  ['nothing anywhere', {}, { key: undefined, keyFrom: 'none', url: 'http://localhost:3000', urlFrom: 'default' }],
  [
    'blank variables count as absent',
    { env: { NULLSPACE_API_KEY: '  ', NULLSPACE_TOKEN: 't' } },
    { key: 't', keyFrom: 'env', url: 'http://localhost:3000', urlFrom: 'default' },
  ],
  [
    'quotes, comments and spaces in .env',
    { files: { '/project/.env': '# NULLSPACE_API_KEY=no\n NULLSPACE_API_KEY = "q=1" \r\nnonsense\nNULLSPACE_API_URL=\'http://q\'' } },
    { key: 'q=1', keyFrom: '.env', url: 'http://q', urlFrom: '.env' },
  ],
  [
    'XDG_CONFIG_HOME moves the file',
    { env: { XDG_CONFIG_HOME: '/x' }, files: { '/x/nullspace/config.json': '{"api_key":"moved"}', [XDG]: '{"api_key":"xdg"}' } },
    { key: 'moved', keyFrom: 'xdg-config', url: 'http://localhost:3000', urlFrom: 'default' },
  ],
  [
    'broken and odd files count as empty',
    { files: { [XDG]: '{oops', [LEGACY]: '{"api_key":7}' } },
    { key: undefined, keyFrom: 'none', url: 'http://localhost:3000', urlFrom: 'default' },
  ],
] as const)('%s', (_, given, wanted) => {
  expect(resolve(given)).toEqual(wanted)
})
