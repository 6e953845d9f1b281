import { describe, expect, test } from 'vitest'
import { areas, arrows } from './boundary-table.ts'
import { areaOf, boundaryViolations } from './boundaries.ts'

function judge(path: string, text: string): readonly string[] {
  return boundaryViolations([{ path, text }])
}

describe('arrows', () => {
  test.each([
    ['packages/contract/src/routes.ts', `import { readFileSync } from 'node:fs'`, 'contract -> node:fs'],
    ['packages/server/src/http/machines.ts', `import { db } from '../store/db.ts'`, 'server/http -> server/store'],
    ['packages/server/src/domain/lease.ts', `import { randomBytes } from 'node:crypto'`, 'server/domain -> node:crypto'],
    ['packages/server/src/app/machines.ts', `import { LocalHost } from '../host/local-host.ts'`, 'server/app -> server/host'],
    ['packages/server/src/app/machines.ts', `import fastify from 'fastify'`, 'server/app -> npm:fastify'],
    ['packages/server/src/proxy/http.ts', `export { slots } from '../host/network/slots.ts'`, 'server/proxy -> server/host'],
    ['packages/server/src/observe/audit.ts', `import { x } from '../app/quota.ts'`, 'server/observe -> server/app'],
    ['packages/server/src/workflows/fork.ts', `const d = await import('@nullspace/vmm/driver.ts')`, 'server/workflows -> vmm'],
    ['packages/vmm/src/driver.ts', `import type { Fake } from './fake/driver.ts'`, 'vmm -> vmm/fake'],
    ['packages/sdk/src/client.ts', `type M = import('@nullspace/server/app/machines.ts').Machine`, 'sdk -> server/app'],
    ['packages/cli/src/main.ts', `import '@nullspace/server/main.ts'`, 'cli -> server/main'],
    ['e2e/fork.e2e.test.ts', `import { qemu } from '@nullspace/vmm/qemu/driver.ts'`, 'e2e -> vmm/qemu'],
    ['packages/server/src/main.ts', `import { run } from '../../../tools/lib/run.ts'`, 'tools are imported by nothing'],
  ])('%s may not: %s', (path, text, expected) => {
    const violations = judge(path, `// a first line\n${text}\n`)
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatch(new RegExp(`^${path.replaceAll('.', '\\.')}:2  `))
    expect(violations[0]).toContain(expected)
  })

  test.each([
    ['packages/contract/src/routes.ts', `import { z } from 'zod'`],
    ['packages/server/src/main.ts', `import { createDriver } from '@nullspace/vmm/fake/driver.ts'\nimport { db } from './store/db.ts'`],
    ['packages/server/src/app/machines.ts', `import type { Slot } from '../host/network/slots.ts'\nimport { Host } from '../host/host.ts'`],
    ['packages/server/src/app/machines.ts', `import { type Slot, type Net } from '../host/network/slots.ts'`],
    ['packages/server/src/proxy/http.ts', `import { dial } from '../host/dial.ts'`],
    ['packages/server/src/observe/op.ts', `export { Op } from '@nullspace/vmm/op.ts'`],
    ['packages/server/src/store/db.ts', `import { Kysely } from 'kysely'\nimport { DatabaseSync } from 'node:sqlite'`],
    ['packages/server/src/http/x.ts', `// import { db } from '../store/db.ts'\nconst text = "import a from 'kysely'"`],
  ])('%s may: %s', (path, text) => {
    expect(judge(path, text)).toEqual([])
  })

  test('the message gives file, line, arrow and reason', () => {
    expect(judge('packages/server/src/store/db.ts', `\n\nimport { create } from '../app/machines.ts'\n`)).toMatchInlineSnapshot(`
      [
        "packages/server/src/store/db.ts:3  server/store -> server/app (../app/machines.ts): the store is the only user of SQL, and knows no one above it",
      ]
    `)
  })
})

test('a file that the table does not know is named once', () => {
  expect(judge('packages/server/src/stray.ts', `import { a } from './app/a.ts'\nimport { b } from './app/b.ts'`)).toEqual([
    'packages/server/src/stray.ts:1  stands in no area of tools/check/boundary-table.ts: say there what it may import, and why',
  ])
})

describe('tests', () => {
  test('may import their own package and the test tools', () => {
    const text = `import { expect } from 'vitest'\nimport { fake } from '@nullspace/vmm/fake/driver.ts'\nimport { db } from '../store/db.ts'`
    expect(judge('packages/server/src/http/machines.test.ts', text)).toEqual([])
  })
  test('may share helpers with the tests of another package', () => {
    expect(judge('packages/cli/src/key/key.test.ts', `import { daemon } from '../../../sdk/test/fake-daemon.ts'`)).toEqual([])
    expect(judge('packages/cli/src/key/key.ts', `import { daemon } from '../../../sdk/test/fake-daemon.ts'`)).toHaveLength(1)
  })
  test('may not import another package that their code may not know', () => {
    expect(judge('packages/sdk/src/client.test.ts', `import { a } from '@nullspace/server/app/a.ts'`)[0]).toContain('sdk -> server/app')
  })
})

describe('environment', () => {
  const reading = [
    `const a = process.env.HOME`,
    `const a = process['env']`,
    `const { env } = process`,
    `import { env } from 'node:process'`,
  ]
  test.each(reading)('%s is for config.ts alone', (text) => {
    expect(judge('packages/server/src/host/local-host.ts', text)[0]).toContain(':1  reads process.env')
    expect(judge('packages/server/src/config.ts', text)).toEqual([])
    expect(judge('packages/cli/src/main.ts', text)).toEqual([])
  })
})

describe('the name of the hypervisor', () => {
  test('stands only where it is picked or meant', () => {
    expect(judge('packages/server/src/app/machines.ts', `const a = 1\nif (driver === 'QEMU') stop()`)[0]).toContain(
      ':2  names the hypervisor',
    )
    for (const path of [
      'packages/vmm/src/qemu/args.ts',
      'packages/server/src/config.ts',
      'packages/cli/src/commands/doctor.ts',
      'packages/server/src/app/a.test.ts',
    ]) {
      expect(judge(path, `const name = 'qemu'`)).toEqual([])
    }
  })
})

describe('the table', () => {
  test('has one arrow per area', () => {
    expect(arrows.map((arrow) => arrow.from).sort()).toEqual(Object.keys(areas).sort())
  })
  test('the longest prefix decides', () => {
    expect(areaOf('packages/vmm/src/op.ts')).toBe('vmm/op')
    expect(areaOf('packages/vmm/src/qemu/qmp.ts')).toBe('vmm/qemu')
    expect(areaOf('packages/server/src/host/host.ts')).toBe('server/host/interface')
    expect(areaOf('README.md')).toBeUndefined()
  })
})
