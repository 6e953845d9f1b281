import { findConfig, type Setting } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { facts, table } from '../core/table.ts'
import { fingerprint } from './fingerprint.ts'

export const authStatus = defineCommand({
  path: 'auth status',
  summary: 'Show which key and URL are used and where they come from; asks no daemon, never shows the key.',
  examples: ['nullspace auth status', 'nullspace auth status --json'],
  async run({ io }) {
    const { apiKey, baseUrl, configPath, legacyConfigPath } = findConfig({}, io)
    const legacy = [apiKey, baseUrl].some(({ source }) => source === 'legacy-config')
    return {
      api_url: baseUrl.value,
      api_url_source: baseUrl.source,
      api_key: {
        configured: apiKey.value !== undefined,
        source: apiKey.source,
        fingerprint: apiKey.value === undefined ? null : fingerprint(apiKey.value),
      },
      sources_consulted: [...consulted('api_key', apiKey), ...consulted('base_url', baseUrl)],
      xdg_config_path: configPath,
      legacy_config: { path: legacyConfigPath, used: legacy },
    }
  },
  render({ api_url, api_url_source, api_key, sources_consulted, xdg_config_path, legacy_config }, { io, note }) {
    const key = api_key.fingerprint === null ? 'not configured' : `${api_key.fingerprint} (from ${api_key.source})`
    io.stdout.write(
      facts([
        ['API URL', `${api_url} (from ${api_url_source})`],
        ['API key', key],
      ]),
    )
    io.stdout.write('\n')
    const rows = sources_consulted.map(({ setting, source, location, present }) => [setting, source, present ? 'set' : '-', location])
    io.stdout.write(table(['setting', 'source', 'value', 'location'], rows))
    if (api_key.fingerprint === null) note('Set NULLSPACE_API_KEY or run "nullspace auth login".')
    if (legacy_config.used) note(`note: ${legacy_config.path} is an old place; move it to ${xdg_config_path}`)
  },
})

function consulted(setting: string, { candidates }: Setting) {
  return candidates.map(({ source, location, value }) => ({ setting, source, location, present: value !== undefined }))
}
