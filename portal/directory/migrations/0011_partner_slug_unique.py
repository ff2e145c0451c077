import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0010_partner_slugs")]
    operations = [
        migrations.AlterField(
            model_name='partner',
            name='slug',
            field=models.CharField(blank=True, help_text='Stands in addresses and in the path of its roles in AWS, and stays. Empty: made from the name.', max_length=40, unique=True, validators=[django.core.validators.MinLengthValidator(2), django.core.validators.RegexValidator('\\A[a-z0-9]+(-[a-z0-9]+)*\\Z', 'Allowed are small letters, digits and single hyphens between them.')], verbose_name='short name'),
        ),
        migrations.AddConstraint(
            model_name='partner',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '^[a-z0-9]+(-[a-z0-9]+)*$')), name='partner_slug_plain', violation_error_message='A short name has small letters, digits and single hyphens between them.'),
        ),
    ]
