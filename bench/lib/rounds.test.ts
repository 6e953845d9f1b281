import { expect, it } from 'vitest'
import { interleave, turns } from './rounds.ts'

const contender = (name: string, every = 1, once = async () => 1) => ({ name, every, once })

it('gives each the first turn in its round, and the slow ones fewer turns', () => {
  const three = [contender('a'), contender('b', 2), contender('c')]
  expect(
    [0, 1, 2, 3].map((round) =>
      turns(three, round)
        .map(({ name }) => name)
        .join(''),
    ),
  ).toEqual(['abc', 'ca', 'cab', 'ac'])
})

it('takes as many attempts in a turn as asked', async () => {
  const order: string[] = []
  const short = { ...contender('short', 1, async () => order.push('s')), inARow: 2 }
  await interleave([short, contender('long', 1, async () => order.push('l'))], { rounds: 2, signal: new AbortController().signal })
  expect(order.join('')).toBe('ssllss')
})

it('counts a failure as an attempt without a time and goes on', async () => {
  let calls = 0
  const flaky = contender('flaky', 1, async () => {
    if (++calls === 2) throw new Error('no luck')
    return calls
  })
  const results = await interleave([flaky], { rounds: 3, signal: new AbortController().signal })
  expect(results.get('flaky')).toEqual({ times: [1, undefined, 3], errors: ['no luck'] })
})

it('ends between two attempts when it is told to', async () => {
  const controller = new AbortController()
  const one = contender('one', 1, async () => {
    controller.abort(new Error('enough'))
    return 1
  })
  await expect(interleave([one], { rounds: 2, signal: controller.signal })).rejects.toThrow('enough')
})
