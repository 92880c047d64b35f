import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { donateNow } from '../support/donate.ts';
import { gift, type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({
    DONATIONS_ACTOR: 'grace',
    DONATIONS_ORGANIZATION_COUNTRY: 'GB',
    DONATIONS_ORGANIZATION_LOCALE: 'en-GB',
  });
});
afterAll(() => system.close());

const cli = (...args: string[]) => runCli(args, { env: system.env });
const pounds = (minor: bigint) => ({ minor, currency: 'gbp' });
const giftAid = (...args: string[]) => cli('donors', 'gift-aid', ...args);

it('goes from a declaration to the receipt of the next gift, and to its end', async () => {
  const before = await donateNow(system.deps, gift({ amount: pounds(1000n) }));
  const donor = 'ada@example.org';
  expect((await giftAid('declare', donor, '--how', 'letter')).code).toBe(2);
  expect((await giftAid('declare', donor, '--how', 'online', '--on', 'today')).code).toBe(2);
  const homeless = await giftAid('declare', donor, '--how', 'online');
  expect(homeless).toMatchObject({ code: 2 });
  expect(homeless.stderr).toContain('--postcode "LS1 1AA"');
  const home = ['--address', '1 High Street', '--address', 'Leeds', '--postcode', 'LS1 1AA'];
  const declared = await giftAid('declare', donor, '--how', 'online', ...home);
  expect(declared.code).toBe(0);
  expect(declared.stdout).toMatch(
    /^Declaration gad_\w{26} covers gifts from 2\d{3}-\d\d-\d\d on\.$/m,
  );
  expect((await giftAid('declare', donor, '--how', 'online', ...home)).code).toBe(1);

  const { id } = await donateNow(system.deps, gift({ amount: pounds(5000n) }));
  const receipt = await cli('receipts', 'preview', id);
  expect(receipt.stdout).toContain('Basic rate tax we can claim: £12.50 GBP');
  expect(receipt.stdout).toMatch(/you declared online on \d+ \w+ \d{4}/);
  const old = await cli('receipts', 'preview', before.id);
  expect(old.stdout).toContain('We do not claim Gift Aid on this gift: no declaration covers it.');

  const shown = await giftAid('show', donor);
  expect(shown.stdout).toContain('LS1 1AA');
  expect(shown.stderr).toContain('Claim for these gifts: £15.00 GBP');
  const withdrawn = await giftAid('withdraw', donor, '--reason', 'pays no tax');
  expect(withdrawn.stdout).toMatch(
    /^1 declaration withdrawn: gifts from \S+ on are not covered\.$/m,
  );
  expect((await giftAid('withdraw', donor)).code).toBe(1);
  expect(JSON.parse((await giftAid('show', donor, '--json')).stdout)).toMatchObject({
    declarations: [{ how: 'online', postcode: 'LS1 1AA' }],
    gifts: [{ relief_minor: 0 }, { relief_minor: 0, reason: 'no declaration covers it' }],
    relief_minor: 0,
  });
  // What was receipted stays as it was.
  expect((await cli('receipts', 'preview', id)).stdout).toContain('£12.50 GBP');
});
