import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';
import { heard } from './refusals.ts';

const WELCOME = readFileSync(
  join(__dirname, '..', '..', 'filters', 'examples', 'welcome.ts'),
  'utf8',
);

onEachMta('the filter that npm start serves', (mta) => {
  let system: MailSystem<'welcome'>;

  beforeAll(async () => {
    system = await MailSystem.start({
      mta,
      places: { welcome: { filters: { welcome: WELCOME } } },
    });
  });
  afterAll(() => system?.stop());

  test('counts the messages of a client in a header, and knows nobody', async () => {
    for (const count of [1, 2]) {
      const to = `ann${count}@example.com`;
      await system.send('welcome', { to });
      const message = await system.receiver.nextTo(to);
      expect(message.header('X-Postern')).toBe(`message ${count} from 127.0.0.1 today`);
    }
    const { rcpt } = await system.send('welcome', { to: 'nobody@example.com' });
    expect(rcpt[0]?.text).toBe(
      heard(mta, 'nobody@example.com', '550 5.1.1 There is nobody here by that name'),
    );
  });
});
