// Makes dist/, a package of its own: JavaScript and types for Node 20 and Bun, with the contract compiled in, so that
// `npm publish ./dist` needs nothing else of this repository. Run by `npm run build`.

import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import contract from '../contract/package.json' with { type: 'json' }
import manifest from './package.json' with { type: 'json' }

const here = import.meta.dirname
const dist = join(here, 'dist')
const stage = join(dist, 'stage')

// The compiler rewrites relative imports only, so the copy it works on imports the contract relatively.
rmSync(dist, { recursive: true, force: true })
const copies = [
  [join(here, 'src'), stage],
  [join(here, '../contract/src'), join(stage, 'contract')],
] as const
for (const [from, to] of copies) {
  for (const name of globSync('**/*.ts', { cwd: from }).filter((path) => !path.endsWith('.test.ts'))) {
    const target = join(to, name)
    const contractDir = relative(dirname(target), join(stage, 'contract')).replace(/^(?!\.)/, './')
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, readFileSync(join(from, name), 'utf8').replaceAll("'@nullspace/contract/", `'${contractDir}/`))
  }
}

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
execFileSync(process.execPath, [tsc, '-p', join(here, 'tsconfig.build.json')], { stdio: 'inherit' })
rmSync(stage, { recursive: true })

// Nor does it rewrite them in declarations.
for (const name of globSync('**/*.d.ts', { cwd: dist })) {
  const text = readFileSync(join(dist, name), 'utf8').replace(/((?:from|import\()\s*["']\.[^"']*)\.ts(["'])/g, '$1.js$2')
  writeFileSync(join(dist, name), text)
}

const { name, version, description, type, license, engines, dependencies } = manifest
const published = {
  name,
  version,
  description,
  type,
  license,
  engines,
  exports: { '.': { types: './index.d.ts', default: './index.js' } },
  dependencies: { ws: dependencies.ws, zod: contract.dependencies.zod },
}
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
