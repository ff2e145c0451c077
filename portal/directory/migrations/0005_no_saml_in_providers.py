from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('directory', '0004_saml_settings_of_their_own'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='identityprovider',
            name='allow_aes_cbc',
        ),
        migrations.RemoveField(
            model_name='identityprovider',
            name='entity_id',
        ),
        migrations.RemoveField(
            model_name='identityprovider',
            name='max_assertion_minutes',
        ),
        migrations.RemoveField(
            model_name='identityprovider',
            name='metadata',
        ),
    ]
