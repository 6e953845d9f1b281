import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

test('what this process was started with does not reach a hypervisor', async () => {
  const module = new URL('descriptors.ts', import.meta.url).pathname
  const script = `import { childDescriptors } from '${module}'; console.log(JSON.stringify(childDescriptors(['ignore', 'pipe', 9, 7], 9)))`
  // There, 40 is a pipe of ours, as a terminal's or a CI runner's would be.
  const inherited = [...Array.from({ length: 40 }, () => 'ignore' as const), 'pipe' as const].with(1, 'pipe')
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: inherited })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  const given = JSON.parse(said) as (string | number)[]
  expect([given.slice(0, 4), given[40]]).toEqual([['ignore', 'pipe', 9, 7], 9])
})
