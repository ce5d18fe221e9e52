internal import Postgres

extension Schema {
    /// What tells rows that can't be read from rows that can, without writing them out.
    static let claims = Migration(
        number: 10, name: "claims",
        sql: #"""
            -- jsonb keeps 1e131071 in 16 bytes and writes it out in 131,072 digits. Two comparisons for a usual number,
            -- no memory; null is neither above nor below zero.
            CREATE FUNCTION motorpool.has_long_numbers(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
                SELECT value @? 'strict $.** ? (!(@ >= 1e-40 && @ <= 1e40) && !(@ <= -1e-40 && @ >= -1e40) && (@ > 0 || @ < 0))'
            $$;

            -- Why a value can't be read, in a sentence; null when it can. At most 1 MiB is read: four times what an
            -- enqueue accepts. Numbers are judged by their digits before anything is written out.
            CREATE FUNCTION motorpool.unreadable(value jsonb) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
            DECLARE
                bytes_max constant bigint := 1048576;
                encoding constant text := getdatabaseencoding();
                bytes bigint := pg_column_size(value);
            BEGIN
                IF value IS NULL OR (bytes < 64 AND encoding = 'UTF8') THEN RETURN NULL; END IF;
                -- Whatever is kept in so much is longer when it is written out, or nearly so.
                IF bytes > bytes_max THEN RETURN format('it has more than %s bytes', bytes_max); END IF;
                IF value @? 'strict $.** ? (!(@ >= 1e-40 && @ <= 1e40) && !(@ <= -1e-40 && @ >= -1e40) && (@ >= 0 || @ < 0))' IS NOT FALSE THEN
                    -- Digits before the point up to the next power of two, and all behind it; usual numbers count nothing.
                    SELECT bytes + coalesce(sum(
                        CASE WHEN n >= 1e40 THEN 2 ^ (6 + width_bucket(n, '{1e64,1e128,1e256,1e512,1e1024,1e2048,1e4096,1e8192,1e16384,1e32768,1e65536}'::numeric[])) ELSE 0 END
                        + CASE WHEN digits > 40 THEN digits ELSE 0 END), 0) INTO bytes
                    FROM (SELECT abs(v::numeric) AS n, scale(v::numeric) AS digits
                          FROM jsonb_path_query(value, 'strict $.** ? (@.type() == "number")') v OFFSET 0) numbers;
                    IF bytes > bytes_max THEN
                        RETURN format('its numbers have so many digits that it would be written out in more than %s bytes', bytes_max);
                    END IF;
                END IF;
                -- A compressed value has up to 91 times as many bytes.
                IF bytes > bytes_max / 91 AND octet_length(value::text) > bytes_max THEN
                    RETURN format('it is written out in more than %s bytes', bytes_max);
                END IF;
                RETURN CASE WHEN encoding <> 'UTF8' THEN motorpool.unreadable(value::text) END;
            EXCEPTION WHEN OTHERS THEN
                RETURN format('the database can''t read it (%s): %s', SQLSTATE, SQLERRM);
            END $$;

            -- The same for a text: it must be convertible to UTF-8, which all clients speak.
            CREATE FUNCTION motorpool.unreadable(value text) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
            BEGIN
                CASE getdatabaseencoding()
                    WHEN 'UTF8' THEN NULL;
                    WHEN 'SQL_ASCII' THEN PERFORM convert_from(convert_to(value, 'SQL_ASCII'), 'UTF8');
                    ELSE PERFORM convert_to(value, 'UTF8');
                END CASE;
                RETURN NULL;
            EXCEPTION WHEN OTHERS THEN
                RETURN format('the database can''t read it (%s): %s', SQLSTATE, SQLERRM);
            END $$;

            -- The value, or an object with a sentence in its place.
            CREATE FUNCTION motorpool.readable(value jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
            DECLARE
                why constant text := motorpool.unreadable(value);
            BEGIN
                RETURN CASE WHEN why IS NULL THEN value ELSE jsonb_build_object('unreadable', why) END;
            END $$;

            -- The text, or what of it is ASCII with a question mark for each other byte.
            CREATE FUNCTION motorpool.readable(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
                SELECT CASE WHEN getdatabaseencoding() = 'UTF8' OR motorpool.unreadable(value) IS NULL THEN value
                            ELSE regexp_replace(value COLLATE "C", '[^ -~]', '?', 'g') END
            $$;
            """#)
}
