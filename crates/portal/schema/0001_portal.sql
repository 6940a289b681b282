-- portal.sqlite: who may use the portal, and for what. Times are Unix seconds. Secrets are stored as digests only:
-- SHA-256 of random values of 128 bits and more, argon2id of what people choose.

CREATE TABLE accounts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL UNIQUE,          -- in lower case
    display_name TEXT NOT NULL,
    password     TEXT,                          -- PHC string; NULL: no sign-in by password
    language     TEXT NOT NULL DEFAULT '',      -- '': the browser's
    is_admin     INTEGER NOT NULL DEFAULT 0,
    space        TEXT UNIQUE,                   -- the personal space, where the config does not say it
    created      INTEGER NOT NULL,
    disabled     INTEGER                        -- since when
) STRICT;

CREATE TABLE groups (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE memberships (
    group_id   INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_account ON memberships (account_id);

CREATE TABLE sessions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    token       BLOB NOT NULL UNIQUE,           -- digest
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created     INTEGER NOT NULL,
    last_used   INTEGER NOT NULL,
    expires     INTEGER NOT NULL,               -- never used later, whatever happens
    is_kept     INTEGER NOT NULL,               -- "remember me"
    method      TEXT NOT NULL,                  -- password, passkey, header, setup
    confirmed   INTEGER NOT NULL,               -- when the password, code or passkey was last asked for
    address     TEXT NOT NULL,
    agent       TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_account ON sessions (account_id);

-- Secrets for programs: app passwords for other protocols, tokens for the API.
CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,                   -- app_password, token
    name       TEXT NOT NULL,
    secret     BLOB NOT NULL UNIQUE,            -- digest
    rights     INTEGER NOT NULL,                -- bits, as in folder_grants
    spaces     TEXT,                            -- JSON list of names; NULL: all of the account
    created    INTEGER NOT NULL,
    last_used  INTEGER,
    expires    INTEGER
) STRICT;
CREATE INDEX tokens_account ON tokens (account_id);

CREATE TABLE totp (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    secret     BLOB NOT NULL,
    confirmed  INTEGER,                         -- NULL: set up, not in force yet
    last_step  INTEGER NOT NULL DEFAULT 0       -- a code is taken once
) STRICT;

CREATE TABLE recovery_codes (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    code       BLOB NOT NULL,                   -- digest
    used       INTEGER,
    PRIMARY KEY (account_id, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkeys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    credential  BLOB NOT NULL UNIQUE,
    public_key  BLOB NOT NULL,                  -- COSE
    counter     INTEGER NOT NULL,
    name        TEXT NOT NULL,
    created     INTEGER NOT NULL,
    last_used   INTEGER
) STRICT;
CREATE INDEX passkeys_account ON passkeys (account_id);

-- Shared spaces. Without a row an account has no access.
CREATE TABLE space_access (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    space      TEXT NOT NULL,
    access     TEXT NOT NULL,                   -- custom, full
    PRIMARY KEY (account_id, space)
) STRICT, WITHOUT ROWID;

CREATE TABLE space_settings (
    space  TEXT PRIMARY KEY,
    is_off INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- A folder is a space, the folder of the config that holds it, and the path below that ('' for itself).
CREATE TABLE folder_grants (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    space      TEXT NOT NULL,
    volume     BLOB NOT NULL,
    path       BLOB NOT NULL,
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    group_id   INTEGER REFERENCES groups (id) ON DELETE CASCADE,
    rights     INTEGER NOT NULL,                -- bits: 1 view, 2 download, 4 upload, 8 manage
    created    INTEGER NOT NULL,
    CHECK ((account_id IS NULL) <> (group_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX folder_grants_account ON folder_grants (account_id, space, volume, path)
    WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX folder_grants_group ON folder_grants (group_id, space, volume, path) WHERE group_id IS NOT NULL;

CREATE TABLE folder_visibility (
    space    TEXT NOT NULL,
    volume   BLOB NOT NULL,
    path     BLOB NOT NULL,
    kind     TEXT NOT NULL,                     -- public, password, private
    password TEXT,                              -- PHC string
    version  INTEGER NOT NULL DEFAULT 1,        -- grows with each new password: older unlocks end
    PRIMARY KEY (space, volume, path)
) STRICT, WITHOUT ROWID;

-- A visitor who gave a password: of a folder, a share link or a photo request.
CREATE TABLE unlocks (
    token   BLOB NOT NULL,                      -- digest of the visitor's cookie
    kind    TEXT NOT NULL,                      -- folder, share, request
    object  TEXT NOT NULL,                      -- JSON, or the id
    version INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (token, kind, object)
) STRICT, WITHOUT ROWID;

-- What is in an album, and whose it is, stands in the index; here is who may see it.
CREATE TABLE album_access (
    album   INTEGER PRIMARY KEY,
    privacy TEXT NOT NULL                       -- private, invitees, link
) STRICT;

CREATE TABLE album_members (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    album      INTEGER NOT NULL,
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    group_id   INTEGER REFERENCES groups (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,                   -- viewer, downloader, provider
    CHECK ((account_id IS NULL) <> (group_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX album_members_account ON album_members (album, account_id) WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX album_members_group ON album_members (album, group_id) WHERE group_id IS NOT NULL;

CREATE TABLE shares (
    id           TEXT PRIMARY KEY,              -- 128 random bits; its owner may read the link again
    account_id   INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,                 -- items, album, folder
    album        INTEGER,
    space        TEXT,
    volume       BLOB,
    path         BLOB,
    rights       INTEGER NOT NULL,
    password     TEXT,                          -- PHC string
    version      INTEGER NOT NULL DEFAULT 1,
    expires      INTEGER,
    hide_details INTEGER NOT NULL DEFAULT 0,
    is_off       INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL,
    visits       INTEGER NOT NULL DEFAULT 0,
    last_used    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_account ON shares (account_id);

CREATE TABLE share_items (
    share_id TEXT NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    item     INTEGER NOT NULL,
    PRIMARY KEY (share_id, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE photo_requests (
    id          TEXT PRIMARY KEY,
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    subject     TEXT NOT NULL,
    description TEXT NOT NULL,
    space       TEXT NOT NULL,
    volume      BLOB NOT NULL,
    path        BLOB NOT NULL,
    album       INTEGER,
    owns_album  INTEGER NOT NULL DEFAULT 0,     -- the album is the creator's own
    max_bytes   INTEGER,
    max_files   INTEGER,
    used_bytes  INTEGER NOT NULL DEFAULT 0,
    used_files  INTEGER NOT NULL DEFAULT 0,
    password    TEXT,
    version     INTEGER NOT NULL DEFAULT 1,
    expires     INTEGER,
    is_off      INTEGER NOT NULL DEFAULT 0,
    created     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX photo_requests_account ON photo_requests (account_id);

-- Failed sign-ins and wrong passwords: of an account, of a network, of an account from a network that it knows.
CREATE TABLE throttles (
    key      TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Networks from which an account has signed in: others cannot keep it out by failing.
CREATE TABLE known_networks (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    network    TEXT NOT NULL,
    last       INTEGER NOT NULL,
    PRIMARY KEY (account_id, network)
) STRICT, WITHOUT ROWID;

CREATE TABLE preferences (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,                   -- JSON
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE searches (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    query      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    UNIQUE (account_id, query)
) STRICT;

-- Names and not ids: an entry outlives its account.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    account TEXT NOT NULL,                      -- '' for none
    address TEXT NOT NULL,                      -- '' for the command line
    action  TEXT NOT NULL,
    object  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_account ON audit (account, id);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The rights of all accounts are kept in memory and read anew when this grows.
CREATE TABLE policy_version (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO policy_version VALUES (1, 1);
CREATE TRIGGER accounts_added AFTER INSERT ON accounts
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER accounts_removed AFTER DELETE ON accounts
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER accounts_changed AFTER UPDATE OF name, is_admin, space, disabled ON accounts
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER groups_added AFTER INSERT ON groups
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER groups_removed AFTER DELETE ON groups
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER groups_changed AFTER UPDATE ON groups
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER memberships_added AFTER INSERT ON memberships
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER memberships_removed AFTER DELETE ON memberships
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER memberships_changed AFTER UPDATE ON memberships
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER space_access_added AFTER INSERT ON space_access
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER space_access_removed AFTER DELETE ON space_access
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER space_access_changed AFTER UPDATE ON space_access
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER space_settings_added AFTER INSERT ON space_settings
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER space_settings_removed AFTER DELETE ON space_settings
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER space_settings_changed AFTER UPDATE ON space_settings
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER folder_grants_added AFTER INSERT ON folder_grants
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER folder_grants_removed AFTER DELETE ON folder_grants
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER folder_grants_changed AFTER UPDATE ON folder_grants
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER folder_visibility_added AFTER INSERT ON folder_visibility
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER folder_visibility_removed AFTER DELETE ON folder_visibility
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER folder_visibility_changed AFTER UPDATE ON folder_visibility
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER album_access_added AFTER INSERT ON album_access
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER album_access_removed AFTER DELETE ON album_access
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER album_access_changed AFTER UPDATE ON album_access
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER album_members_added AFTER INSERT ON album_members
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER album_members_removed AFTER DELETE ON album_members
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER album_members_changed AFTER UPDATE ON album_members
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER shares_added AFTER INSERT ON shares
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER shares_removed AFTER DELETE ON shares
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER shares_changed AFTER UPDATE OF rights, password, version, expires, hide_details, is_off ON shares
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER share_items_added AFTER INSERT ON share_items
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER share_items_removed AFTER DELETE ON share_items
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER share_items_changed AFTER UPDATE ON share_items
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER photo_requests_added AFTER INSERT ON photo_requests
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER photo_requests_removed AFTER DELETE ON photo_requests
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER photo_requests_changed AFTER UPDATE OF space, volume, path, album, password, version, expires, is_off ON photo_requests
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER settings_added AFTER INSERT ON settings
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER settings_removed AFTER DELETE ON settings
BEGIN UPDATE policy_version SET version = version + 1; END;
CREATE TRIGGER settings_changed AFTER UPDATE ON settings
BEGIN UPDATE policy_version SET version = version + 1; END;
