ALTER TABLE pad_call
  ADD COLUMN with_user BIGINT,
  ADD CONSTRAINT fk_pad_call_with_user FOREIGN KEY(with_user) REFERENCES staff (id),
  ADD CONSTRAINT ck_pad_call_company CHECK (with_user is null or with_user <> user_id);

CREATE INDEX ix_pad_call_with ON pad_call (with_user) WHERE ending is null and with_user is not null;

CREATE INDEX ix_scan_file_live ON scan_file (at) WHERE state <> 'gone';
