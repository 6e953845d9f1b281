// npm run gen: writes what is made from the contract. --check only says what would change.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { spawnSync } from 'node:child_process'
import { openApiDocument } from '../../packages/contract/src/openapi.ts'
import { inRepo } from '../lib/repo.ts'
import { errorsPage } from './errors-page.ts'
import { notBuiltModule } from './not-built.ts'

const check = process.argv.includes('--check')

const files: Readonly<Record<string, string>> = {
  'openapi/openapi.json': `${JSON.stringify(openApiDocument(), null, 2)}\n`,
  'docs/errors.md': errorsPage(),
  'packages/contract/src/not-built.gen.ts': notBuiltModule(),
}

const stale: string[] = []
for (const [path, text] of Object.entries(files)) {
  const now = await readFile(inRepo(path), 'utf8').catch(() => null)
  if (now === text) continue
  stale.push(path)
  if (check) continue
  await mkdir(dirname(inRepo(path)), { recursive: true })
  await writeFile(inRepo(path), text)
}

// The Python package keeps its own generators: models from the document, the synchronous half from the asynchronous one.
const failed = ['gen_models.py', 'gen_sync.py'].filter((script) => {
  const { status } = spawnSync('python3', [inRepo('python/tools', script), ...(check ? ['--check'] : [])], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status !== 0
})
stale.push(...failed.map((script) => `what python/tools/${script} writes`))

if (stale.length > 0) {
  const names = stale.join(', ')
  console.log(check ? `not what would be written now: ${names}` : `written: ${names}`)
  process.exitCode = check || failed.length > 0 ? 1 : 0
} else console.log('generated files are up to date')
