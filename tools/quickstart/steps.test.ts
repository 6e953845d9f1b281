import { expect, test } from 'vitest'
import { runSteps, StepFailed, timesTable } from './steps.ts'

function recorder() {
  let text = ''
  return { write: (more: string) => void (text += more), text: () => text.replace(/\d+\.\d s/g, 'T') }
}

test('a quick step is one line, a talking one has a title, progress and an end', async () => {
  const out = recorder()
  await runSteps(
    [
      { name: 'host', run: async () => 'Linux' },
      {
        name: 'guest image',
        run: async (say) => {
          say('[1/2] kernel')
          return 'built'
        },
      },
    ],
    out,
  )
  expect(out.text()).toBe(['[1/2] host: Linux (T)', '[2/2] guest image', '       T  [1/2] kernel', '       T  built', ''].join('\n'))
})

test('a long silence is broken by a sign of life with the last line', async () => {
  const out = recorder()
  const run = async (say: (line: string) => void) => {
    say('unpacking')
    await new Promise((resolve) => setTimeout(resolve, 60))
    return 'done'
  }
  await runSteps([{ name: 'packages', run }], { ...out, heartbeatMs: 20 })
  expect(out.text()).toContain('still at it: unpacking')
})

test('a failing step stops the rest and tells what was done before', async () => {
  const out = recorder()
  let ran = false
  const failed = await runSteps(
    [
      { name: 'one', run: async () => 'fine' },
      {
        name: 'two',
        run: async () => {
          throw new Error('no space')
        },
      },
      {
        name: 'three',
        run: async () => {
          ran = true
          return ''
        },
      },
    ],
    out,
  ).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(StepFailed)
  expect(failed).toMatchObject({ step: 'two', message: 'no space', times: [{ name: 'one', said: 'fine' }] })
  expect(ran).toBe(false)
  expect(out.text()).toContain('[2/3] two: FAILED (T)')
})

test('the table ends with the total', () => {
  const text = timesTable([
    { name: 'host', ms: 100, said: 'Linux' },
    { name: 'guest image', ms: 61_000, said: 'built' },
  ])
  expect(text).toBe(['host         0.1 s       Linux', 'guest image  1 min 01 s  built', 'total        1 min 01 s'].join('\n'))
})
