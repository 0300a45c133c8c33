import { MacroTable } from '../../src/policy/macros.ts';

describe('macros', () => {
  test('are found with and without braces', () => {
    const macros = new MacroTable();
    macros.set('mail', { auth_type: 'PLAIN', i: 'Q' });
    expect([
      macros.get('{auth_type}'),
      macros.get('auth_type'),
      macros.get('{i}'),
      macros.get('i'),
    ]).toEqual(['PLAIN', 'PLAIN', 'Q', 'Q']);
  });

  test('of the latest stage win', () => {
    const macros = new MacroTable();
    macros.set('mail', { i: 'early' });
    macros.set('eom', { i: 'late' });
    expect(macros.get('i')).toBe('late');
  });

  test('of a recipient are gone with the next recipient', () => {
    const macros = new MacroTable();
    macros.set('rcpt', { rcpt_addr: 'a@example.com' });
    macros.set('rcpt', { rcpt_host: 'example.com' });
    expect(macros.get('rcpt_addr')).toBeUndefined();
  });

  test('of HELO outlive messages, those of a message do not outlive the next MAIL', () => {
    const macros = new MacroTable();
    macros.set('helo', { tls_version: 'TLSv1.3' });
    macros.set('mail', { mail_addr: 'a@example.com' });
    macros.set('eom', { msg_id: '1' });
    macros.begin('mail');
    expect([macros.get('tls_version'), macros.get('mail_addr'), macros.get('msg_id')]).toEqual([
      'TLSv1.3',
      'a@example.com',
      undefined,
    ]);
    macros.endMessage();
    expect([macros.get('tls_version'), macros.get('mail_addr')]).toEqual(['TLSv1.3', undefined]);
  });

  test('named like properties of every object are not there', () => {
    const macros = new MacroTable();
    macros.set('connect', {});
    expect(macros.get('constructor')).toBeUndefined();
  });
});
