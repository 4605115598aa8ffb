CREATE TABLE likeness (
  clue_id BIGINT NOT NULL, 
  at TIMESTAMP WITH TIME ZONE NOT NULL, 
  version TEXT NOT NULL, 
  sketch BYTEA NOT NULL, 
  keys BIGINT[] NOT NULL, 
  CONSTRAINT pk_likeness PRIMARY KEY (clue_id), 
  CONSTRAINT ck_likeness_keys CHECK (cardinality(keys) <= 200), 
  CONSTRAINT fk_likeness_clue_id FOREIGN KEY(clue_id) REFERENCES clue (id)
);

CREATE TABLE likeness_key (
  key BIGINT NOT NULL, 
  clue_id BIGINT NOT NULL, 
  CONSTRAINT pk_likeness_key PRIMARY KEY (key, clue_id)
);
